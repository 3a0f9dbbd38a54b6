"""What all stages draw on: the study, and what they ask it."""

import re
from functools import cache, partial

from asking import asked, wildcards
from mirage.assets import checking, telling
from mirage.assets.manifest import load_manifest
from mirage.assets.remembered import Remembered
from mirage.errors import MirageError
from mirage.forecast.speeds import at_most, load_model, machine
from mirage.forecast.work import Job
from mirage.runtime import digest, slots
from mirage.study import foreign_weights, grammar, in_use, measuring
from mirage.study.cells import Attack, Target
from mirage.study.settings import with_first_seeds
from mirage.study.stages import Stages
from mirage.study.study import Study
from mirage.visible import listed, visible
from refusing import Refused

try:
    SCALE = with_first_seeds(config["scales"][config["scale"]], config["most_seeds"])
    STUDY = Study(SCALE, config["classes_per_chunk"])
    FOREIGN = foreign_weights.foreign_weights(STUDY)
except MirageError as error:
    raise Refused(str(error)) from None

DATASETS_IN_USE = in_use.datasets_in_use(STUDY)
ASSETS_IN_USE = in_use.assets_in_use(STUDY)
slots.offer(config["gpu_ids"])
# Snakemake sees no edits inside imported modules; this digest of the code a script reaches does.
# Every record carries it. Among a job's params it also makes the job run again when it changes,
# which a study of weeks does not want unasked.
# A digest is computed when it is asked for: a cluster's job, which starts Snakemake twice more,
# asks for its own only, and what the files say was remembered by the controller.
DIGESTS = digest.Digests(SCRIPTS, memory=Path(".sources.json"))
if workflow.is_main_process:
    DIGESTS.keep()


@asked
def code(rule, *settings):
    """Digest of the code that a rule's script reaches, and of what its settings name."""
    return DIGESTS.of(rule, settings) if config["rerun_on_code_change"] else "any"


config["code"] = DIGESTS
HOME = checkout.REPOSITORY
ANYWHERE = "/"
KNOWN_WEIGHTS = f"{HOME}/workflow/presets/weights.yaml"
PAPER_TABLE = f"{HOME}/workflow/presets/paper/{{name}}.csv"


def manifest_source(home):
    """Where the manifest of assets lies."""
    return {
        "path": f"{home}/workflow/presets/assets.yaml",
        "schema": f"{home}/workflow/schemas/assets.schema.yaml",
        "home": home,
        "paths": config["asset_paths"],
    }


MANIFEST_SOURCE = manifest_source(HOME)  # as a job sees it from its working folder
try:
    MANIFEST = load_manifest(**manifest_source(ROOT))
    for scale in config["scales"]:
        MANIFEST.require(config["scales"][scale]["assets"], f"scales.{scale}.assets")
except MirageError as error:
    raise Refused(str(error)) from None

ASSET_MEMORY = "assets/.checked.json"  # beside the assets: all scales share it


def tell_missing_assets():
    """List the assets that are not there yet: name, place, way to get it."""
    fuller = {"check_assets", "fetch_assets"} & set(sys.argv)  # they tell more
    missing = MANIFEST.missing(ASSETS_IN_USE)
    if missing and workflow.is_main_process and not fuller:
        lines = [f"{len(missing)} of {len(ASSETS_IN_USE)} assets are missing:"]
        for name in missing:
            lines += [
                f"  {name}: {MANIFEST[name].what}",
                f"    place:  {telling.shown(MANIFEST.place(name), MANIFEST.home)}",
                f"    how:    {telling.short_way(MANIFEST[name], config['scale'])}",
            ]
        print(visible("\n".join(lines), keep="\n"), file=sys.stderr)


tell_missing_assets()


def asset_path(name):
    """Path of an asset as the rules know it."""
    place = MANIFEST.place(name)
    inside = place.is_relative_to(MANIFEST.home)
    return f"{HOME}/{place.relative_to(MANIFEST.home)}" if inside else str(place)


@asked
def asset(name):
    """An asset as an input, nothing where none is named; a rule tells what to do without it.

    `ancient`: it is held to its checksum or its counts, and copying it anew is no reason to
    repeat weeks of work.
    """
    return [] if name is None else ancient(asset_path(name))


@asked
def assets(named):
    """Role -> asset as inputs."""
    return {role: ancient(asset_path(name)) for role, name in named.items()}


def missing_paths(start):
    """Regular expression of the rest of those missing assets' paths that begin like that."""
    paths = [asset_path(name) for name in MANIFEST.missing(MANIFEST)]
    return one_of(p.removeprefix(start) for p in paths if p.startswith(start))


def named_assets():
    """The assets to fetch: those named on the command line, or all this scale needs."""
    only = config.get("only")
    named = only.replace(" ", "").split(",") if isinstance(only, str) else only
    names = named or ASSETS_IN_USE
    try:
        MANIFEST.require(names, "only")
    except MirageError as error:
        raise Refused(str(error)) from None
    return names


def verify_assets():
    """Stop before the first job if an asset that some job is going to read is not right."""
    read = {f"{path}/" for job in workflow.dag.needrun_jobs() for path in job.input}
    needed = [
        name
        for name in MANIFEST
        if any(path.startswith(f"{asset_path(name)}/") for path in read)
    ]
    if needed:
        print(f"checking {len(needed)} assets", file=sys.stderr, flush=True)
    memory = Remembered(ROOT / ASSET_MEMORY)
    findings = checking.check_all(MANIFEST, needed, memory)
    told = telling.instructions(findings, MANIFEST.home, config["scale"])
    if told:
        raise Refused(f"Nothing was started.\n{told}")


@asked
def fingerprint_file(name):
    """What keeps a network's answer between imports; no rule declares it."""
    return f"fingerprints/{name}.json"


def container_image():
    """The image jobs run in under --sdm apptainer; nothing where none is set."""
    image = config["container"]
    return image if image is None or "://" in image else str(ROOT / image)


def state_file(rule):
    """Query for the file in which an interrupted job keeps its state; no rule declares it."""

    def path(wildcards):
        return f"{Path('state', rule, *wildcards)}.safetensors"

    return path


# What a job is about, by its wildcards; of an attack also its stages and prior.
study = asked(STUDY)
target = asked(Target.parse)(wildcards.target)
attack = asked(Attack.parse)(target, wildcards.attack)
stages = asked(cache(partial(Stages, STUDY)))(attack)  # a dozen questions for each job
prior = study.prior_of(attack)
view_file = asked(measuring.view_file)


@asked
def imported(asset):
    """Path of an asset's weights after their import; nothing where none is named."""
    return [] if asset is None else foreign_weights.imported(asset)


@asked
def generator(prior, target=None):
    """Path of a prior's generator: made here, or shipped and then no rule's output.

    Nothing without a prior. ``target`` is whose it is, where every target has its own.
    """
    if prior is None:
        return ""
    if STUDY.is_per_target(prior):
        return f"{target.path}/priors/{prior}/generator.safetensors"
    shipped = SCALE["trained_priors"]
    if prior in priors_from("pickle") or shipped == "priors":
        return f"priors/{prior}/generator.safetensors"
    folder = f"{shipped}/{prior}"
    for name in ("generator", "discriminator"):
        if not (ROOT / folder / f"{name}.safetensors").exists():
            raise WorkflowError(
                f"{folder}/{name}.safetensors, which is shipped, is missing. Restore it (git "
                f"checkout -- {folder}), or have the prior trained: trained_priors: priors for "
                f"this scale in config.yaml."
            )
    return f"{HOME}/{folder}/generator.safetensors"


def priors_from(kind):
    """Names of the priors whose source is of a kind: `trained`, `per_target`, `pickle`."""
    priors = SCALE["priors"].items()
    return [name for name, entry in priors if entry["source"]["kind"] == kind]


def one_of(names):
    """Pattern of some names; matches nothing where there are none."""
    return "|".join(map(re.escape, names)) or r"(?!)"
