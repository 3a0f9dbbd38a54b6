"""What the rules ask the study about the networks that measure attacks."""

from mirage.evaluation.fidelity import UNROUNDED


def dataset_of(wildcards):
    """The data set whose attacks are measured, and the seed whose draw it is (None: shared)."""
    if "measured" in wildcards.keys():
        return STUDY.measured_by(wildcards.measured)
    return target(wildcards).dataset, target(wildcards).seed


def network_weights(wildcards):
    """Weights of the networks that measure attacks, in the order of NETWORKS."""
    dataset, seed = dataset_of(wildcards)
    return [STUDY.network_weights(dataset, role, seed) for role in NETWORKS]


def real_features(wildcards):
    """Features of the training images that an attack is held against."""
    measured = STUDY.measured(*dataset_of(wildcards))
    return f"evaluation/{measured}/features.safetensors"


def measured_seed(wildcards):
    """Seed whose training images these are; None where all cells share them."""
    return dataset_of(wildcards)[1]


def evaluator_check(wildcards):
    """The input range a released evaluator was trained in; nothing for one of ours."""
    dataset, _ = dataset_of(wildcards)
    released = STUDY.released_evaluator(dataset)
    return f"evaluation/{dataset}/evaluator.json" if released else []


def evaluator_weights(wildcards):
    """Weights of the released network that tells whether an attack succeeded."""
    return imported(STUDY.network(wildcards.dataset, "eval")["asset"])


def evaluator_view(wildcards):
    """The real images that network sees."""
    return view(wildcards.dataset, STUDY.network(wildcards.dataset, "eval")["view"])


def evaluator_accuracy(wildcards):
    """Published test accuracy of a released evaluator, if there is one."""
    return (STUDY.released_evaluator(wildcards.dataset) or {}).get("test_accuracy")


def network_views(wildcards):
    """Views of the real images the networks see, in the order of NETWORKS."""
    dataset, _ = dataset_of(wildcards)
    return [view(dataset, STUDY.network(dataset, role)["view"]) for role in NETWORKS]


def unrounded_store(wildcards):
    """The store, if a network sees photographs resized without rounding; else nothing."""
    dataset, _ = dataset_of(wildcards)
    kinds = {STUDY.network(dataset, role)["spec"]["kind"] for role in NETWORKS}
    return store_files(dataset) if kinds & UNROUNDED else []


def network_specs(wildcards):
    """Role -> settings of the networks that measure attacks."""
    dataset, _ = dataset_of(wildcards)
    return {role: STUDY.network_spec(dataset, role) for role in NETWORKS}


def student_recipe(wildcards):
    """Settings of the surrogate student."""
    return STUDY.knowledge(target(wildcards).dataset)


def student_px(wildcards):
    """Side of the images the surrogate student sees."""
    return student_recipe(wildcards)["image_px"]


def student_view(wildcards):
    """The real images the surrogate student is tested on."""
    architecture = STUDY.architecture(SCALE["knowledge"]["architecture"])
    return view(target(wildcards).dataset, architecture["view"])


def student_init(_):
    """The weights the student starts from; nothing for a random start."""
    entry = STUDY.architecture(SCALE["knowledge"]["architecture"])
    return imported(entry["init"]) if "init" in entry else []
