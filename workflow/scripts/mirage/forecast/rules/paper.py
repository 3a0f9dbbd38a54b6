"""Work of the rules of paper: tables, figures, the report."""

from collections.abc import Mapping

from mirage.forecast.work import SMALL, Work, Workshop, rule
from mirage.paper.contents import contents, files_of
from mirage.paper.item import metrics_files


@rule("make_table")
def _make_table(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    return _item(shop, wildcards["item"], SMALL, 1e8)


@rule("run_toy")
def _run_toy(_: Workshop, __: Mapping[str, str]) -> Work:
    return Work(outputs={"toy/toy.safetensors": 1e6, "toy/toy.csv": SMALL})


@rule("draw_figure")
def _draw_figure(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    return _item(shop, wildcards["item"], 3e5, 2e8)


def _item(shop: Workshop, name: str, each: float, host_bytes: float) -> Work:
    item = contents(shop.study.scale)[name]
    return Work(
        inputs=tuple(item.needs(shop.study).inputs),
        outputs=dict.fromkeys(files_of(name, item), each),
        host_bytes=host_bytes,
    )


@rule("write_report")
def _write_report(shop: Workshop, _: Mapping[str, str]) -> Work:
    study = shop.study
    items = contents(study.scale).items()
    return Work(
        inputs=(
            *(path for name, item in items for path in files_of(name, item)),
            "toy/toy.csv",
            *metrics_files(study.attacks, study.targets),
            "data/acceptance.json",
        ),
        outputs={"report.html": 3e6},
        host_bytes=2e8,
    )
