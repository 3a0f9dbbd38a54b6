"""What the rules of paper cost, whatever they are asked for."""

from collections.abc import Callable, Mapping

from mirage.forecast.work import Work, Workshop


def _always(work: Work) -> Callable[[Workshop, Mapping[str, str]], Work]:
    return lambda shop, wildcards: work


COSTS = {
    "make_table": _always(Work(light_s=0.3, host_bytes=1e8)),
    "run_toy": _always(Work(outputs={"toy": 1e6}, light_s=20)),
    "draw_figure": _always(Work(outputs={"png": 3e5, "pdf": 3e5}, light_s=4, host_bytes=2e8)),
    "write_report": _always(Work(outputs={"report": 3e6}, light_s=5, host_bytes=2e8)),
}
