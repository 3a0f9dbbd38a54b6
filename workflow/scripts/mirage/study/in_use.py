"""What of a configuration a study uses: data sets, assets, and who must share nobody."""

from collections.abc import Collection
from typing import Any

from mirage.study.study import Study


def datasets_in_use(study: Study) -> list[str]:
    """Data sets that targets, evaluation networks or priors are made from."""
    used = {grid["dataset"] for grid in study.scale["targets"]}
    for roles in study.scale["networks"].values():
        used |= {spec["target"]["dataset"] for spec in roles.values() if "target" in spec}
    used |= _public(study)
    return [name for name in study.scale["datasets"] if name in used]


def assets_in_use(study: Study) -> list[str]:
    """Assets the study needs; a data set that is only declared needs none."""
    used = {asset for name in datasets_in_use(study) for asset in study.assets_of(name).values()}
    used |= {entry.get("init") for entry in study.scale["architectures"].values()}
    used |= set(study.scale.get("released_targets", {}).values())
    networks = [spec for roles in study.scale["networks"].values() for spec in roles.values()]
    for source in [*networks, *(prior["source"] for prior in study.scale["priors"].values())]:
        used |= {source.get("asset"), source.get("reference")}
    return [name for name in study.scale["assets"] if name in used]


def checked_with(study: Study, dataset: str) -> list[str]:
    """A data set and those it must share nobody with."""
    return [dataset, *study.dataset(dataset).get("disjoint_from", [])]


def expectations(study: Study, datasets: Collection[str]) -> dict[str, dict[str, Any]]:
    """What is to be found in the stores of data sets."""
    return {
        name: {"classes": study.classes(name), **study.dataset(name).get("published", {})}
        for name in datasets
    }


def kept_apart(study: Study, datasets: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of these data sets that must share nobody: (private, public).

    Public is what a prior or a student is trained on, and what names the private data set itself.
    """
    trained = _public(study)
    public = [name for name in datasets_in_use(study) if name in trained]
    pairs = [(p, q) for q in public for p in datasets_in_use(study) if p not in trained]
    named = [
        (private, name)
        for name, entry in study.scale["datasets"].items()
        for private in entry.get("disjoint_from", [])
    ]
    pairs = list(dict.fromkeys([*pairs, *named]))
    return [pair for pair in pairs if set(pair) <= set(datasets)]


def _public(study: Study) -> set[str]:
    """Data sets that priors and students are trained on."""
    sources = [prior["source"] for prior in study.scale["priors"].values()]
    sources += study.scale.get("students", {}).values()
    return {source["dataset"] for source in sources if "dataset" in source}
