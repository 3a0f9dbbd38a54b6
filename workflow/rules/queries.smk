"""Queries of the rules, by stage: nouns that answer from the study."""


def target(wildcards):
    """The target a job is about."""
    return cells.parse(
        "targets/{dataset}/{architecture}/{treatment}/{samples}/s{seed}".format(
            **wildcards
        ),
    )


def attack(wildcards):
    """The attack a job is about."""
    return Attack(target(wildcards), wildcards.attack)


# ---------------------------------------------------------------------------------- data


def dataset_source(wildcards):
    """Role -> path of what a data set is read from; none for one that comes with a package."""
    return {
        role: asset(name) for role, name in STUDY.assets_of(wildcards.dataset).items()
    }


def dataset_recipe(wildcards):
    """Settings of a prepared store."""
    return STUDY.dataset(wildcards.dataset)["recipe"]


def dataset_classes(wildcards):
    """Number of identities a data set must have."""
    return STUDY.classes(wildcards.dataset)


def checked_with(dataset):
    """A data set and those it must share nobody with."""
    return [dataset, *STUDY.dataset(dataset).get("disjoint_from", [])]


def dataset_manifests(wildcards):
    """Manifests of the stores one data set is checked with."""
    return [f"data/{name}/manifest.json" for name in checked_with(wildcards.dataset)]


def expectations(datasets):
    """What is to be found in the stores of data sets."""
    return {
        name: {
            "classes": STUDY.classes(name),
            **STUDY.dataset(name).get("published", {}),
        }
        for name in datasets
    }


def dataset_expectations(wildcards):
    """What is to be found in the stores one data set is checked with."""
    return expectations(checked_with(wildcards.dataset))


def kept_apart(datasets):
    """Pairs of data sets, private and public, that must share nobody."""
    return [
        (private, public)
        for private, public in STUDY.kept_apart
        if private in datasets and public in datasets
    ]


def dataset_apart(wildcards):
    """Such pairs among the stores one data set is checked with."""
    return kept_apart(checked_with(wildcards.dataset))


def view_recipe(wildcards):
    """Settings of a view of a store."""
    return STUDY.view(wildcards.dataset, wildcards.view)


def view(dataset, name):
    """Path of a view."""
    return f"data/{dataset}/views/{name}.safetensors"


# -------------------------------------------------------------------------------- priors


def prior_source(wildcards):
    """What a prior is made from: a published pickle, or our own training."""
    return STUDY.prior(wildcards.prior)["source"]


def prior_dataset(wildcards):
    """Settings of the public data set a prior is trained on."""
    return STUDY.dataset(prior_source(wildcards)["dataset"])["recipe"]


def prior_view(wildcards):
    """Settings of the view a prior is trained on."""
    source = prior_source(wildcards)
    return STUDY.view(source["dataset"], source["view"])


def prior_pickle(wildcards):
    """The published pickle a prior is imported from."""
    return asset(prior_source(wildcards)["asset"])


def prior_px(wildcards):
    """Side of the images a prior makes."""
    return STUDY.prior(wildcards.prior)["image_px"]


def prior_reference(wildcards):
    """The public image a prior must repeat; nothing if none is named."""
    source = prior_source(wildcards)
    return asset(source["reference"]) if "reference" in source else []


def generator(prior):
    """Path of a prior's generator."""
    home = "priors" if STUDY.prior(prior)["source"]["kind"] == "pickle" else PRIORS_HOME
    return f"{home}/{prior}/generator.safetensors"


def pool_generator(wildcards):
    """The generator a candidate pool is drawn from."""
    return generator(STUDY.pool(wildcards.pool)["prior"])


def pool_recipe(wildcards):
    """Settings of a candidate pool, without the name of its prior."""
    return {k: v for k, v in STUDY.pool(wildcards.pool).items() if k != "prior"}


def pool_crop(wildcards):
    """Centre crop of a pool's images, in generator pixels."""
    return STUDY.prior(STUDY.pool(wildcards.pool)["prior"])["crop_px"]


# ------------------------------------------------------------------------------- weights


def foreign_file(wildcards):
    """The published file of an outside network's weights."""
    return asset(wildcards.foreign)


def foreign_recipe(wildcards):
    """Which network an outside file of weights holds."""
    return FOREIGN[wildcards.foreign]


def foreign_reference(wildcards):
    """Public inputs with a known answer of that network; nothing if none are named."""
    named = [
        network["reference"]
        for roles in SCALE["networks"].values()
        for network in roles.values()
        if network.get("asset") == wildcards.foreign and "reference" in network
    ]
    return asset(named[0]) if named else []


def foreign_records(_):
    """What the imports of all outside networks found."""
    priors = [
        f"priors/{name}/import.json"
        for name, entry in SCALE["priors"].items()
        if entry["source"]["kind"] == "pickle"
    ]
    return [f"weights/{name}.json" for name in FOREIGN] + priors


def released_weights(wildcards):
    """The imported weights that stand in for a target's training."""
    target = cells.parse(f"targets/{wildcards.released}")
    return imported(STUDY.released_targets[target])


def released_view(wildcards):
    """The images a released target is tested on."""
    target = cells.parse(f"targets/{wildcards.released}")
    return view(target.dataset, STUDY.architecture(target.architecture)["view"])


# ------------------------------------------------------------------------------- targets


def training_view(wildcards):
    """The images a target is trained and tested on."""
    return view(wildcards.dataset, STUDY.architecture(wildcards.architecture)["view"])


def allow_short(wildcards):
    """Whether a class with fewer than n images may give what it has."""
    return STUDY.dataset(wildcards.dataset).get("allow_short", False)


def initial_weights(wildcards):
    """The weights a target's training starts from; nothing for a random start."""
    entry = STUDY.architecture(wildcards.architecture)
    return imported(entry["init"]) if "init" in entry else []


def training_recipe(wildcards):
    """Settings of a target's training."""
    return STUDY.training(target(wildcards))


# ------------------------------------------------------------------------------- attacks


def attack_settings(wildcards):
    """All settings of an attack."""
    return STUDY.attack(attack(wildcards))


def attack_stage(stage):
    """Query for one stage's settings of an attack."""

    def settings(wildcards):
        return attack_settings(wildcards)[stage]

    return settings


def attack_prior(wildcards):
    """Name of the prior an attack draws its images from."""
    return STUDY.pool(attack_settings(wildcards)["pool"])["prior"]


def attack_generator(wildcards):
    """The generator of an attack's prior."""
    return generator(attack_prior(wildcards))


def attack_discriminator(wildcards):
    """The discriminator of an attack's prior; nothing unless its loss asks for it."""
    wanted = attack_settings(wildcards)["optimisation"].get("discriminator_weight", 0)
    path = attack_generator(wildcards).replace("generator", "discriminator")
    return path if wanted > 0 else []


def feature_pool(wildcards):
    """The public images behind an attack's feature statistics; nothing unless its loss asks."""
    wanted = attack_settings(wildcards)["optimisation"].get("feature_weight", 0)
    return attack_pool(wildcards) if wanted > 0 else []


def attack_pool(wildcards):
    """The candidate pool of an attack, at the size its target sees."""
    image_px = STUDY.image_px(target(wildcards))
    return f"priors/pools/{attack_settings(wildcards)['pool']}-{image_px}.safetensors"


def attack_crop(wildcards):
    """Centre crop of an attack's images, in generator pixels."""
    return STUDY.prior(attack_prior(wildcards))["crop_px"]


def target_px(wildcards):
    """Side of the images the attacked target sees."""
    return STUDY.image_px(target(wildcards))


def class_count(wildcards):
    """Number of attacked classes."""
    return STUDY.classes(wildcards.dataset)


def chunk_files(wildcards):
    """The chunks of an attack's stage, in the order of the classes."""
    folder = f"{attack(wildcards).path}/{wildcards.stage}"
    return [
        f"{folder}/{chunk}.safetensors" for chunk in STUDY.chunks(wildcards.dataset)
    ]


# ---------------------------------------------------------------------------- evaluation


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


# --------------------------------------------------------------------------------- paper


def templates(*names):
    """Templates a page is made with; the code digest does not see them."""
    folder = f"{HOME}/workflow/scripts/mirage/paper/templates"
    return [f"{folder}/{name}" for name in names]


def attack_metrics(_):
    """Metrics of every attack of the study."""
    return [f"{cell.path}/metrics.json" for cell in STUDY.attacks]


def target_metrics(_):
    """Metrics of every attacked target of the study."""
    return [
        f"{cell.path}/metrics.json"
        for cell in dict.fromkeys(c.target for c in STUDY.attacks)
    ]


def table_attacks(wildcards):
    """The attacks a table is made of."""
    return items.table_attacks(STUDY, wildcards.item)


def table_attack_metrics(wildcards):
    """Metrics of the attacks in a table."""
    return [f"{cell.path}/metrics.json" for cell in table_attacks(wildcards)]


def table_target_metrics(wildcards):
    """Metrics of the targets in a table."""
    found = dict.fromkeys(cell.target for cell in table_attacks(wildcards))
    return [f"{cell.path}/metrics.json" for cell in found]
