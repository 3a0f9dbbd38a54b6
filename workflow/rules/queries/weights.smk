"""What the rules ask the study about foreign weights."""


def foreign_file(wildcards):
    """The published file of a foreign network's weights."""
    return asset(wildcards.foreign)


def foreign_recipe(wildcards):
    """Which network a foreign file holds."""
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
    """What the imports of all foreign networks found."""
    priors = [
        f"priors/{name}/import.json"
        for name, entry in SCALE["priors"].items()
        if entry["source"]["kind"] == "pickle"
    ]
    return [f"weights/{name}.json" for name in FOREIGN] + priors


def released_weights(wildcards):
    """The imported weights that stand in for a target's training."""
    return imported(STUDY.released_targets[target(wildcards)])


def released_seed(wildcards):
    """Seed of a released target."""
    return target(wildcards).seed


def released_view(wildcards):
    """The images a released target is tested on."""
    return training_view(wildcards)
