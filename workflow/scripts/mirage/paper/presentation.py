"""From a study to what tables and report need: records, names to print, the paper's settings."""

from collections.abc import Container, Iterable

from mirage.draws import PER_CELL
from mirage.paper.cells import CellRecord
from mirage.paper.printed import Scale
from mirage.paper.reference import Counterparts
from mirage.study.cells import Attack, Target
from mirage.study.study import Study

_MEASURED_BY = {
    "acc1": "eval", "acc5": "eval", "delta_eval": "eval", "delta_face": "face", "fid": "fid",
}  # fmt: skip


def records(attacks: Iterable[Attack], released: Container[Target] = ()) -> list[CellRecord]:
    """Where the numbers of attacks lie, relative to the folder of results.

    Args:
        attacks: the cells.
        released: targets that were imported, not trained.
    """
    return [
        _record(attack, "import_target" if attack.target in released else "train_target")
        for attack in attacks
    ]


def _record(attack: Attack, made_by: str) -> CellRecord:
    target = attack.target
    cell = f"{target.cell}/{attack}"
    return CellRecord(
        dataset=target.dataset,
        architecture=target.architecture,
        samples="all" if target.samples is None else target.samples,
        treatment=str(target.treatment),
        alpha=target.treatment.alpha,
        seed=target.seed,
        attack=str(attack),
        target=f"{target.path}/metrics.json",
        metrics=f"{attack.path}/metrics.json",
        links={
            "metrics": f"{attack.path}/metrics.json",
            "classes": f"{attack.path}/per_class.csv",
            "training log": f"logs/{made_by}/{target.cell}.log",
            "training settings": f"jobs/{made_by}/{target.cell}.json",
            "attack settings": f"jobs/run_stage/{cell}/candidates.json",
            "score log": f"logs/score_attack/{cell}.log",
        },
    )


def describe(study: Study, name: str) -> Scale:
    """How a scale is presented.

    Args:
        study: the study.
        name: of its scale, ``demo`` say.
    """
    settings = study.scale
    labels = {
        **{key: entry["title"] for key, entry in settings["datasets"].items()},
        **{key: entry["title"] for key, entry in settings["attacks"].items()},
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
    if "knowledge" in settings["measures"]:
        networks["xi_train"] = networks["xi_test"] = (
            f"{settings['measures']['knowledge']['architecture']} trained on the attack's images"
        )
    return Scale(
        name,
        settings["comparable"],
        settings["title"],
        networks,
        labels,
        shared(study),
        settings["paper"].get("interval"),
    )


def shared(study: Study) -> tuple[str, ...]:
    """What all seeds of a study have in common, in words for its readers."""
    cells = dict.fromkeys(study.attacks)
    datasets = dict.fromkeys(cell.target.dataset for cell in cells)
    splits = [study.splits_per_cell(dataset) for dataset in datasets]
    pools = [study.drawn_pool(cell) != study.attack(cell)["pool"] for cell in cells]
    networks = [
        study.network(dataset, role).get("target", {}).get("seed") == PER_CELL
        for dataset in datasets
        for role in study.roles(dataset)
    ]
    parts = {
        "the people and their photographs": True,
        "the image prior": True,
        "the split into training and test images": not all(splits),
        "the pool of candidates": not all(pools),
        "the networks that measure the attacks": not any(networks),
        "some of the networks that measure the attacks": any(networks) and not all(networks),
    }
    return tuple(part for part, holds in parts.items() if holds)


def counterparts(study: Study) -> Counterparts:
    """Which of the paper's data sets and architectures stand beside ours."""
    budgets = {str(b) for grid in study.scale["targets"] for b in grid["samples"]}
    return {
        # Numbers of images per class mean something only where the data are the paper's.
        "samples": {} if study.scale["comparable"] else dict.fromkeys(budgets, "all"),
        "dataset": {k: v["paper"] for k, v in study.scale["datasets"].items() if v["paper"]},
        "architecture": {
            k: v["paper"] for k, v in study.scale["architectures"].items() if v["paper"]
        },
    }
