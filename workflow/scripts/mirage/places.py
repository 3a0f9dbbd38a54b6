"""What kind of thing each file below ``results/<scale>`` is: the one declaration of it.

The forecast lists sizes by it and ``clean_caches`` removes by it. A path that no pattern knows is a
result, so nothing is ever removed for having been forgotten here.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

PlaceKind = Literal["store", "cache", "result", "state", "log"]


@dataclass(frozen=True)
class Place:
    """Files of one kind.

    Attributes:
        pattern: shell pattern of paths relative to ``results/<scale>``; ``*`` also crosses folders.
        kind: ``store`` (made once, read by many jobs), ``cache`` (read once, then only in the way),
            ``result`` (what the study is for, or GPU hours to repeat), ``state`` (of unfinished
            work, and Snakemake's memory) or ``log`` (what happened). Views and pools are stores,
            though cheap to repeat: Snakemake would repeat with them all that was made from them.
        what: the files in words.
        needed_until: a cache or state may go once this file, named from its folder, exists and is
            not older; empty if no job waits for it.
        again: how a damaged file is made anew, ``{path}`` being its path; empty where a rule
            declares it and ``snakemake --force PATH`` does.
    """

    pattern: str
    kind: PlaceKind
    what: str
    needed_until: str = ""
    again: str = ""


_DELETE = "delete it, then the same command again"


PLACES = (
    Place(
        "data/*/.preparing/*",
        "state",
        "where an interrupted preparation goes on",
        "../manifest.json",
        _DELETE,
    ),
    Place("*.part", "cache", "half-written files of killed jobs"),
    Place(".tmp??????", "cache", "half-written files of killed jobs"),
    Place("*/.tmp??????", "cache", "half-written files of killed jobs"),
    Place("forecast/tmp*/*", "cache", "half-written files of killed jobs"),
    Place("data/*/views/*", "store", "images at a network's size"),
    Place("data/*acceptance.json", "result", "verdict on the data"),
    Place("data/*", "store", "decoded photographs"),
    Place("weights/*", "store", "published networks, imported"),
    Place(
        "fingerprints/*",
        "result",
        "what published networks answered when first tried",
        again=_DELETE,
    ),
    Place("priors/pools/*", "store", "candidate images of a prior"),
    Place("priors/*", "store", "generators and discriminators"),
    Place("targets/*/priors/*", "store", "generators and discriminators of one target"),
    Place("targets/*/students/*", "store", "students of one target"),
    Place("targets/*", "result", "trained classifiers and their metrics"),
    Place("attacks/*/images.safetensors", "cache", "images for measures", "metrics.json"),
    Place("attacks/*", "result", "latents, features and metrics of attacks"),
    Place("measures/*", "result", "what was measured of targets"),
    Place("evaluation/*", "result", "features of real images"),
    Place("compiled/*", "cache", "compiled steps of attacks, for later jobs", again=_DELETE),
    Place("study/*", "result", "pages of user studies and their keys"),
    Place("state/*", "state", "where interrupted jobs go on", again=_DELETE),
    Place("forecast.*", "result", "the forecast", again="snakemake forecast"),
    Place("assets.txt", "result", "the table of assets", again="snakemake check_assets"),
    Place(".sources.json", "store", "what the files of the code say, parsed", again=_DELETE),
    Place(".unchanged.json", "store", "what the last plan followed from", again=_DELETE),
    Place("jobs/*", "log", "what each job was made with"),
    Place("logs/*", "log", "what jobs told"),
    Place(".snakemake/log/*", "log", "what Snakemake told"),
    Place(".snakemake/scripts/*", "cache", "copies of scripts of killed jobs"),
    Place(".snakemake/conda*", "store", "environments made by --sdm conda"),
    Place(".snakemake/singularity/*", "store", "images fetched by --sdm apptainer"),
    Place(".snakemake/*", "state", "Snakemake's memory of what it made"),
)
_UNKNOWN = Place("*", "result", "tables, figures and reports")


def place(path: str) -> Place:
    """The first place whose pattern fits ``path`` (relative to ``results/<scale>``)."""
    return next((known for known in PLACES if fnmatchcase(path, known.pattern)), _UNKNOWN)


def kind(path: str) -> str:
    """Kind of the place of ``path``."""
    return place(path).kind
