"""What the rules ask the study about attacks, their stages and chunks."""

from functools import cache

from mirage.attacks.kinds import KINDS
from mirage.study.stages import Stages

CUT, WHOLE = (
    sorted({s.result for kind in KINDS.values() for s in kind.stages if s.cut == cut})
    for cut in (True, False)
)


@cache
def stages_of(cell):
    """An attack as stages; planning asks a dozen times for each job."""
    return Stages(STUDY, cell)


def stages(wildcards):
    """The attack a job is about, as stages."""
    return stages_of(attack(wildcards))


def attack_kind(wildcards):
    """Kind of an attack."""
    return stages(wildcards).settings["kind"]


def attack_prior(wildcards):
    """Name of the prior an attack draws its images from."""
    return STUDY.pool(stages(wildcards).settings["pool"])["prior"]


def attack_prior_kind(wildcards):
    """Kind of that prior's networks."""
    return STUDY.prior_kind(attack_prior(wildcards))


def attack_generator(wildcards):
    """The generator of an attack's prior."""
    return generator(attack_prior(wildcards))


def attack_outcome(wildcards):
    """What an attack ends with."""
    return stages(wildcards).outcome


def attack_crop(wildcards):
    """Centre crop of an attack's images, in generator pixels."""
    return STUDY.prior(attack_prior(wildcards))["crop_px"]


def attacked_classes(wildcards):
    """The classes of an attack."""
    return stages(wildcards).classes


def target_px(wildcards):
    """Side of the images the attacked target sees."""
    return STUDY.image_px(target(wildcards))


def stage_inputs(wildcards):
    """What a stage reads, by what it is."""
    return stages(wildcards).inputs(wildcards.part, attack_generator(wildcards))


def stage(wildcards):
    """The stage a job runs."""
    return stages(wildcards).part(wildcards.part)[0]


def stage_role(wildcards):
    """Role of that stage, the name of its module."""
    return stage(wildcards).role


def stage_settings(wildcards):
    """Its block of the attack's settings."""
    return stages(wildcards).settings[stage(wildcards).settings]


def stage_treatment(wildcards):
    """Treatment of the model that runs it, which may have wrapped the network."""
    return STUDY.treatment(attack(wildcards).runner(stage_role(wildcards)))


def stage_classes(wildcards):
    """The classes it is run for."""
    return stages(wildcards).part(wildcards.part)[1]


def stage_limit(wildcards):
    """The setting that limits how much it takes to the device at once."""
    return stage(wildcards).batch


def stage_batch(wildcards):
    """The value of that setting."""
    return config[stage_limit(wildcards)]


def chunk_files(wildcards):
    """The chunks of an attack's stage, in the order of the classes."""
    return stages(wildcards).files(stages(wildcards).held(wildcards.stage))
