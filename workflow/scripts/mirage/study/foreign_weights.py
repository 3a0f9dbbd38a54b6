"""Weights that others trained: which asset is which network, and where they lie imported."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError

if TYPE_CHECKING:
    from mirage.study.study import Study


def imported(asset: str) -> str:
    """Path of an asset's weights after their import."""
    return f"weights/{asset}.safetensors"


def foreign_weights(study: "Study") -> Mapping[str, dict[str, Any]]:
    """Assets that hold weights -> settings of a ``ForeignRecipe``.

    Raises:
        MirageError: one asset is used as two different networks.
    """
    found: dict[str, dict[str, Any]] = {}
    for asset, settings in _uses(study):
        if found.setdefault(asset, settings) != settings:
            raise MirageError(
                f"config: the asset {asset} is used as {found[asset]} and as {settings}",
                "one network per file of weights",
            )
    return found


def _uses(study: "Study") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in study.scale["architectures"].items():
        if "init" in entry:
            yield entry["init"], {"kind": "imagenet", "architecture": name}
    for target, asset in study.released_targets.items():
        px = study.image_px(target)
        yield asset, _classifier(study, target.architecture, target.dataset, px)
    for dataset, roles in study.scale["networks"].items():
        for network in roles.values():
            if "released" in network:
                name = network["released"]["architecture"]
                given = study.view(dataset, network["view"])["image_px"]
                px = network["spec"].get("input_px", given)
                yield network["asset"], _classifier(study, name, dataset, px)
            elif "asset" in network:
                yield network["asset"], {"kind": network["spec"]["kind"]}


def _classifier(study: "Study", architecture: str, dataset: str, image_px: int) -> dict[str, Any]:
    return {
        "kind": "classifier",
        "architecture": architecture,
        "classes": study.classes(dataset),
        "channels": study.dataset(dataset)["recipe"]["channels"],
        "image_px": image_px,
    }
