"""What the rules of data cost: photographs decoded, resized, checked."""

from collections.abc import Mapping

from mirage.forecast.work import LONG, Work, Workshop
from mirage.study.in_use import datasets_in_use


def prepare_store(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every photograph decoded once."""
    images = shop.images(wildcards["dataset"])
    return Work(
        outputs={"pixels": images.stored_bytes, "index": 120 * images.total},
        light_s=0.1,
        decoded=images.total,
        host_bytes=50_000_000,
    )


def prepare_view(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every stored image resized once."""
    name, view = wildcards["dataset"], wildcards["view"]
    images = shop.images(name)
    return Work(
        outputs={"view": shop.view_bytes(name, view) + 2 * LONG * images.total},
        light_s=0.1,
        resized=images.total,
        # The store is mapped into memory; its pages count until they are needed elsewhere.
        host_bytes=min(images.stored_bytes, 1e9),
    )


def check_data(shop: Workshop, _: Mapping[str, str]) -> Work:
    """Stores read once more."""
    stored = (shop.images(name).stored_bytes for name in datasets_in_use(shop.study))
    return Work(light_s=1.0, host_bytes=sum(min(size, 1e9) for size in stored))


COSTS = {
    "prepare_store": prepare_store,
    "prepare_view": prepare_view,
    "check_data": check_data,
}
