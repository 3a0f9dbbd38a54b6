"""What the rules ask the study about attacks and their chunks."""


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
    return STUDY.pool_file(attack(wildcards))


def attack_crop(wildcards):
    """Centre crop of an attack's images, in generator pixels."""
    return STUDY.prior(attack_prior(wildcards))["crop_px"]


def target_px(wildcards):
    """Side of the images the attacked target sees."""
    return STUDY.image_px(target(wildcards))


def class_count(wildcards):
    """Number of attacked classes."""
    return STUDY.classes(target(wildcards).dataset)


def chunk_files(wildcards):
    """The chunks of an attack's stage, in the order of the classes."""
    folder = f"{attack(wildcards).path}/{wildcards.stage}"
    return [
        f"{folder}/{chunk}.safetensors"
        for chunk in STUDY.chunks(target(wildcards).dataset)
    ]
