"""What all stages draw on: the study, and small queries named for what they return."""

import sys
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from mirage import cells, configuration
from mirage.cells import Attack, Target
from mirage.errors import MirageError
from mirage.paper.metrics import MODELS
from mirage.runtime import digest
from mirage.study import NETWORKS, Study

try:
    configuration.check(config, ROOT / "workflow/schemas/config.schema.yaml")
except MirageError as error:
    raise WorkflowError(str(error)) from None

SCALE = config["scales"][config["scale"]]
STUDY = Study(SCALE, config["classes_per_chunk"])
# Snakemake sees no edits inside imported modules; this digest of the code a script reaches does.
# Every record carries it. Among a job's params it also makes the job run again when it changes,
# which a study of weeks does not want unasked.
# A digest is computed when it is asked for: a cluster's job, which starts Snakemake twice more,
# asks for its own only.
DIGESTS = digest.Digests(SCRIPTS)


def code(rule):
    """Query for the digest of the code that a rule's script reaches."""

    def value(_):
        return DIGESTS[rule] if config["rerun_on_code_change"] else "any"

    return value


def code_digests(_):
    """All digests, by rule."""
    return dict(DIGESTS)


CODE = {name: code(name) for name in DIGESTS}
config["code"] = DIGESTS
# From the working folder results/<scale> back to the repository.
HOME = "../.."
PAPER_TABLES = f"{HOME}/workflow/presets/paper"
PRIORS_HOME = (
    SCALE["trained_priors"]
    if SCALE["trained_priors"] == "priors"
    else f"{HOME}/{SCALE['trained_priors']}"
)


def tell_missing_assets():
    """List the outside files that are not there yet: name, place, way to get it."""
    missing = {
        k: v for k, v in SCALE["assets"].items() if not (ROOT / v["path"]).exists()
    }
    if missing and workflow.is_main_process:
        lines = [f"{len(missing)} of {len(SCALE['assets'])} assets are missing:"]
        for name, entry in missing.items():
            lines += [
                f"  {name}: {entry['what']}",
                f"    place:  {entry['path']}",
                f"    how:    {entry['how']}",
            ]
        print("\n".join(lines), file=sys.stderr)


tell_missing_assets()


def asset(name):
    """Path of an outside file; a rule tells what to do where it is missing."""
    return f"{HOME}/{SCALE['assets'][name]['path']}"


def asset_paths():
    """Regular expression of all assets' places (matching nothing where there are none)."""
    paths = [re.escape(entry["path"]) for entry in SCALE["assets"].values()]
    return "|".join(paths) or r"(?!)"


def state_file(rule):
    """Query for the file in which an interrupted job keeps its state; no rule declares it."""

    def path(wildcards):
        return f"{Path('state', rule, *wildcards)}.safetensors"

    return path
