"""What the rules ask the study about the networks that measure attacks."""

from mirage.evaluation.fidelity import UNROUNDED


def network_weights(wildcards):
    """Weights of the networks that measure attacks, in the order of NETWORKS."""
    return [STUDY.network_weights(wildcards.dataset, role) for role in NETWORKS]


def evaluator_check(wildcards):
    """The input range a released evaluator was trained in; nothing for one of ours."""
    released = STUDY.released_evaluator(wildcards.dataset)
    return f"evaluation/{wildcards.dataset}/evaluator.json" if released else []


def evaluator_weights(wildcards):
    """Weights of the network that tells whether an attack succeeded."""
    return STUDY.network_weights(wildcards.dataset, "eval")


def evaluator_view(wildcards):
    """The real images that network sees."""
    return view(wildcards.dataset, STUDY.network(wildcards.dataset, "eval")["view"])


def evaluator_accuracy(wildcards):
    """Published test accuracy of a released evaluator, if there is one."""
    return (STUDY.released_evaluator(wildcards.dataset) or {}).get("test_accuracy")


def network_views(wildcards):
    """Views of the real images the networks see, in the order of NETWORKS."""
    return [
        view(wildcards.dataset, STUDY.network(wildcards.dataset, role)["view"])
        for role in NETWORKS
    ]


def unrounded_store(wildcards):
    """The store, if a network sees photographs resized without rounding; else nothing."""
    kinds = {
        STUDY.network(wildcards.dataset, role)["spec"]["kind"] for role in NETWORKS
    }
    return store_files(wildcards.dataset) if kinds & UNROUNDED else []


def network_specs(wildcards):
    """Role -> settings of the networks that measure attacks."""
    return {role: STUDY.network_spec(wildcards.dataset, role) for role in NETWORKS}


def student_recipe(wildcards):
    """Settings of the surrogate student."""
    return STUDY.knowledge(wildcards.dataset)


def student_px(wildcards):
    """Side of the images the surrogate student sees."""
    return STUDY.knowledge(wildcards.dataset)["image_px"]


def student_view(wildcards):
    """The real images the surrogate student is tested on."""
    architecture = STUDY.architecture(SCALE["knowledge"]["architecture"])
    return view(wildcards.dataset, architecture["view"])


def student_init(_):
    """The weights the student starts from; nothing for a random start."""
    entry = STUDY.architecture(SCALE["knowledge"]["architecture"])
    return imported(entry["init"]) if "init" in entry else []
