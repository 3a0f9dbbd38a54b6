"""What the rules ask the study about target classifiers."""


def training_view(wildcards):
    """The images a target is trained and tested on."""
    cell = target(wildcards)
    return view(cell.dataset, STUDY.architecture(cell.architecture)["view"])


def allow_short(wildcards):
    """Whether a class with fewer than n images may give what it has."""
    return STUDY.dataset(target(wildcards).dataset).get("allow_short", False)


def initial_weights(wildcards):
    """The weights a target's training starts from; nothing for a random start."""
    entry = STUDY.architecture(target(wildcards).architecture)
    return imported(entry["init"]) if "init" in entry else []


def training_recipe(wildcards):
    """Settings of a target's training, whatever its treatment."""
    return STUDY.training(target(wildcards))


def treatment_settings(wildcards):
    """Settings of each part of a target's treatment."""
    return STUDY.treatment(target(wildcards))


def sibling_metrics(wildcards):
    """Metrics of the cells that a treatment refers to, in the order of its parts."""
    return [f"{cell.path}/metrics.json" for cell in target(wildcards).siblings]
