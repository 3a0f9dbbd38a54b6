"""What the rules ask the study about the networks that measure attacks."""

from mirage.evaluation.fidelity import UNROUNDED
from mirage.evaluation.measures import MEASURES, of_targets


def dataset_of(wildcards):
    """The data set whose attacks are measured, and the seed whose draw it is (None: shared)."""
    if "measured" in wildcards.keys():
        return STUDY.measured_by(wildcards.measured)
    return target(wildcards).dataset, target(wildcards).seed


def network_weights(wildcards):
    """Weights of the networks that measure attacks, in the order of their roles."""
    dataset, seed = dataset_of(wildcards)
    return [STUDY.network_weights(dataset, role, seed) for role in STUDY.roles(dataset)]


def real_features(wildcards):
    """Features of the training images that an attack is held against."""
    measured = STUDY.measured(*dataset_of(wildcards))
    return f"evaluation/{measured}/features.safetensors"


def face_threshold(wildcards):
    """The distance below which two photographs pass as one person; nothing if none is asked for."""
    measured = STUDY.measured(*dataset_of(wildcards))
    asked = "verification" in SCALE["evaluation"]
    return f"evaluation/{measured}/verification.json" if asked else []


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
    """Views of the real images the networks see, in the order of their roles."""
    dataset, _ = dataset_of(wildcards)
    roles = STUDY.roles(dataset)
    return [view(dataset, STUDY.network(dataset, role)["view"]) for role in roles]


def unrounded_store(wildcards):
    """The store, if a network sees photographs resized without rounding; else nothing."""
    dataset, _ = dataset_of(wildcards)
    networks = [STUDY.network(dataset, role) for role in STUDY.roles(dataset)]
    kinds = {network["spec"]["kind"] for network in networks}
    return store_files(dataset) if kinds & UNROUNDED else []


def network_specs(wildcards):
    """Role -> settings of the networks that measure attacks."""
    dataset, _ = dataset_of(wildcards)
    return {role: STUDY.network_spec(dataset, role) for role in STUDY.roles(dataset)}


def measure_name(wildcards):
    """The measure a job takes, which must be one of its attack's."""
    known = STUDY.measures(attack(wildcards))
    if wildcards.measure not in known:
        raise MirageError(
            f"the attack {wildcards.attack} has no measure {wildcards.measure!r}",
            f"one of {listed(known)}" if known else "one with `measures`",
        )
    return wildcards.measure


def measure_recipe(wildcards):
    """Settings of a measure."""
    return STUDY.measure(measure_name(wildcards), target(wildcards).dataset)


def measure_px(wildcards):
    """Side of the images that an attack's measures need; None if none does."""
    return STUDY.measure_px(attack(wildcards))


def measure_inputs(wildcards):
    """Need -> file of a measure; without those the study does not have."""
    files = {"images": f"{attack(wildcards).path}/images.safetensors"}
    if "architecture" in measure_recipe(wildcards):
        entry = STUDY.architecture(measure_recipe(wildcards)["architecture"])
        files["view"] = view(target(wildcards).dataset, entry["view"])
        files |= {"init": imported(entry["init"])} if "init" in entry else {}
    needs = MEASURES[wildcards.measure].needs
    return {need: path for need, path in files.items() if need in needs}


def measured(wildcards):
    """What the measures of an attack found."""
    cell = attack(wildcards)
    return [f"{cell.path}/{name}.json" for name in STUDY.measures(cell)]


def target_measure_name(wildcards):
    """The measure of a target that a job takes."""
    return wildcards.measure


def target_measure_recipe(wildcards):
    """Its settings."""
    return STUDY.measure(wildcards.measure, target(wildcards).dataset)


def measured_prior(wildcards):
    """The prior of the attack that they name; None if they name none."""
    cell = STUDY.measured_attack(wildcards.measure, target(wildcards))
    return cell and STUDY.pool(STUDY.attack(cell)["pool"])["prior"]


def target_measure_attack(wildcards):
    """Settings of that attack."""
    cell = STUDY.measured_attack(wildcards.measure, target(wildcards))
    return STUDY.attack(cell) if cell else {}


def target_measure_prior_kind(wildcards):
    """Kind of the networks of its prior."""
    prior = measured_prior(wildcards)
    return STUDY.prior_kind(prior) if prior else ""


def target_measure_crop(wildcards):
    """Centre crop of its images, in the prior's pixels."""
    prior = measured_prior(wildcards)
    return STUDY.prior(prior)["crop_px"] if prior else target_px(wildcards)


def target_measure_inputs(wildcards):
    """Need -> file of a measure of a target."""
    cell, name = target(wildcards), wildcards.measure
    settled = STUDY.architecture(cell.architecture)["view"]
    files = {
        "weights": f"{cell.path}/weights.safetensors",
        "view": view(cell.dataset, settled),
    }
    if attacked := STUDY.measured_attack(name, cell):
        files["generator"] = generator(measured_prior(wildcards))
        files["pool"] = STUDY.pool_file(attacked)
    return {need: files[need] for need in MEASURES[name].needs}


def target_measure_limit(wildcards):
    """The setting that limits how much it takes to the device at once."""
    return MEASURES[wildcards.measure].batch


def target_measure_batch(wildcards):
    """The value of that setting."""
    return config[target_measure_limit(wildcards)]


def target_classes(wildcards):
    """Number of a target's classes."""
    return STUDY.classes(target(wildcards).dataset)
