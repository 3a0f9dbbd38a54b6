"""Work of the rules of paper: tables, figures, the report."""

from collections.abc import Mapping

from mirage.forecast.work import (
    SMALL,
    Work,
    Workshop,
    rule,
    view_file,
)
from mirage.paper import items
from mirage.study.cells import Attack


def _metrics(attacks: list[Attack]) -> tuple[str, ...]:
    found = [f"{attack.path}/metrics.json" for attack in attacks]
    return (*found, *dict.fromkeys(f"{attack.target.path}/metrics.json" for attack in attacks))


@rule("make_table")
def _make_table(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    item = wildcards["item"]
    return Work(
        inputs=_metrics(items.table_attacks(shop.study, item)),
        outputs={f"tables/{item}.{kind}": SMALL for kind in ("csv", "html", "tex")},
        host_bytes=1e8,
    )


@rule("run_toy")
def _run_toy(_: Workshop, __: Mapping[str, str]) -> Work:
    return Work(outputs={"toy/toy.safetensors": 1e6, "toy/toy.csv": SMALL})


@rule("draw_toy")
def _draw_toy(_: Workshop, wildcards: Mapping[str, str]) -> Work:
    return _drawing(wildcards["item"], ("toy/toy.safetensors",))


@rule("draw_spread")
def _draw_spread(shop: Workshop, _: Mapping[str, str]) -> Work:
    return _drawing("spread", _metrics(shop.study.attacks))


@rule("draw_samples")
def _draw_samples(shop: Workshop, _: Mapping[str, str]) -> Work:
    wanted = shop.study.scale["paper"]["figure3"]
    view = shop.study.architecture(wanted["architecture"])["view"]
    galleries = [
        f"{attack.path}/gallery.safetensors" for attack in items.figure3_attacks(shop.study)
    ]
    return _drawing("figure3", (*galleries, view_file(wanted["dataset"], view)))


def _drawing(item: str, inputs: tuple[str, ...]) -> Work:
    outputs = {f"figures/{item}.{kind}": 3e5 for kind in ("png", "pdf")}
    return Work(inputs=inputs, outputs=outputs, host_bytes=2e8)


@rule("write_report")
def _write_report(shop: Workshop, _: Mapping[str, str]) -> Work:
    return Work(
        inputs=(
            "tables/table1.csv",
            "tables/table2.csv",
            *(f"figures/{item}.png" for item in ("figure1", "figure3", "figure8", "spread")),
            "toy/toy.csv",
            *_metrics(shop.study.attacks),
            "data/acceptance.json",
        ),
        outputs={"report.html": 3e6},
        host_bytes=2e8,
    )
