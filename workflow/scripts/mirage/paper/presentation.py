"""How a study is presented: whose arithmetic, names to print, the paper's settings beside ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mirage.draws import PER_CELL
from mirage.evaluation.fidelity import PAPER, Fidelity
from mirage.evaluation.recipe import VerificationRecipe
from mirage.study.study import Study

_MEASURED_BY = {
    "acc1": "eval", "acc5": "eval", "delta_eval": "eval", "delta_face": "face", "fid": "fid",
    "delta_eval_seen": "eval", "delta_face_seen": "face",
}  # fmt: skip

Counterparts = Mapping[str, Mapping[str, str]]
"""Column -> {our value: the paper's value}. What is not listed stands for itself."""


@dataclass(frozen=True)
class Presentation:
    """What readers are told of the numbers.

    Attributes:
        name: of the scale, ``demo`` or ``paper``.
        comparable: whether our numbers may be held against the paper's.
        cut: what is less than the paper's, in words; empty where nothing is.
        description: data, image size and networks in a sentence.
        networks: metric -> the network that gives it, told in footnotes.
        labels: our names -> names to print, e.g. ``{"orl": "ORL faces"}``.
        shared: what all seeds have in common, so that no spread over seeds counts it.
        interval: half-width of the 95 % intervals that the number of seeds was chosen for, in
            percentage points of Acc@1; None where no such choice was made.
        fidelity: whose arithmetic tables and figures show.
        counterparts: which of the paper's data sets and architectures stand beside ours.
    """

    name: str
    comparable: bool
    description: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    interval: float | None = None
    fidelity: Fidelity = PAPER
    counterparts: Counterparts = field(default_factory=dict)
    cut: str = ""

    def label(self, name: object) -> str:
        """The name to print."""
        return self.labels.get(str(name), str(name))


def describe(study: Study, name: str) -> Presentation:
    """How the scale of that name is presented."""
    settings = study.scale
    labels = {
        key: entry["title"]
        for section in ("datasets", "attacks")
        for key, entry in settings[section].items()
    }
    attacked = dict.fromkeys(attack.target.dataset for attack in study.attacks)
    networks = {
        metric: "; ".join(
            dict.fromkeys(
                study.network(d, role)["title"] for d in attacked if role in study.roles(d)
            )
        )
        for metric, role in _MEASURED_BY.items()
    }
    if (verification := settings["evaluation"].get("verification")) is not None:
        recipe = VerificationRecipe.of(verification)
        role, share = recipe.network, f"{100 * recipe.false_acceptance:g} %"
        faces = dict.fromkeys(study.network(dataset, role)["title"] for dataset in attacked)
        networks["verified"] = networks["unverified"] = (
            f"{networks['acc1']}, and distances by {'; '.join(faces)}, below that of {share} of "
            "the pairs of different people"
        )
    if "knowledge" in settings["measures"]:
        networks["xi_train"] = networks["xi_test"] = (
            f"{settings['measures']['knowledge']['architecture']} trained on the attack's images"
        )
    return Presentation(
        name,
        settings["comparable"],
        settings["title"],
        networks,
        labels,
        shared(study),
        settings["paper"].get("interval"),
        settings["fidelity"],
        _counterparts(study),
        settings.get("cut", ""),
    )


def shared(study: Study) -> tuple[str, ...]:
    """What all seeds of a study have in common, in words for its readers."""
    datasets = dict.fromkeys(cell.target.dataset for cell in study.attacks)
    splits = [study.splits_per_cell(dataset) for dataset in datasets]
    pools = [
        study.drawn_pool(cell) != settings["pool"]
        for cell in study.attacks
        if "pool" in (settings := study.attack(cell))
    ]
    own = [study.is_per_target(study.prior_of(cell)) for cell in study.attacks]
    networks = [
        study.network(dataset, role).get("target", {}).get("seed") == PER_CELL
        for dataset in datasets
        for role in study.roles(dataset)
    ]
    parts = {
        "the people and their photographs": True,
        "the image prior": not any(own),
        "the image priors that are no target's own": any(own) and not all(own),
        "the split into training and test images": not all(splits),
        "the pool of candidates": bool(pools) and not all(pools),
        "the networks that measure the attacks": not any(networks),
        "some of the networks that measure the attacks": any(networks) and not all(networks),
    }
    return tuple(part for part, holds in parts.items() if holds)


def _counterparts(study: Study) -> Counterparts:
    """Which of the paper's data sets and architectures stand beside ours."""
    budgets = {str(b) for grid in study.scale["targets"] for b in grid["samples"]}
    return {
        # Numbers of images per class mean something only where the data are the paper's.
        "samples": {} if study.scale["comparable"] else dict.fromkeys(budgets, "all"),
        "dataset": {k: v["paper"] for k, v in study.scale["datasets"].items() if v["paper"]},
        "architecture": {
            k: v["paper"] for k, v in study.scale["architectures"].items() if v["paper"]
        },
        "variant": {k: v["paper"] for k, v in study.scale["attacks"].items() if "paper" in v},
    }
