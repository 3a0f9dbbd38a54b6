"""Work of the rules of data: photographs decoded, resized, checked."""

from collections.abc import Mapping

from mirage.forecast.work import (
    LONG,
    SMALL,
    Work,
    Workshop,
    rule,
    store_files,
    view_file,
)


@rule("prepare_store")
def _prepare_store(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["dataset"]
    images, folder = shop.images(name), f"data/{name}"
    return Work(
        outputs={
            f"{folder}/pixels.safetensors": images.stored_bytes,
            f"{folder}/index.csv": 120 * images.total,
            f"{folder}/manifest.json": SMALL,
        },
        decoded=images.total,
        host_bytes=50_000_000,
    )


@rule("prepare_view")
def _prepare_view(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name, view = wildcards["dataset"], wildcards["view"]
    images = shop.images(name)
    size = shop.view_bytes(name, view) + 2 * LONG * images.total
    return Work(
        inputs=store_files(name),
        outputs={view_file(name, view): size},
        resized=images.total,
        # The store is mapped into memory; its pages count until they are needed elsewhere.
        host_bytes=min(images.stored_bytes, 1e9),
    )


@rule("check_data")
def _check_data(shop: Workshop, _: Mapping[str, str]) -> Work:
    names = shop.study.datasets_in_use
    return Work(
        inputs=tuple(f"data/{name}/manifest.json" for name in names),
        outputs={"data/acceptance.json": SMALL},
        host_bytes=sum(min(shop.images(name).stored_bytes, 1e9) for name in names),
    )
