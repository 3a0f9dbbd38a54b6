"""What the rules of paper cost, whatever they are asked for."""

from collections.abc import Mapping

from mirage.forecast.work import Cost, Work, always

COSTS: Mapping[str, Cost] = {
    "make_table": always(Work(light_s=0.3, host_bytes=1e8)),
    "run_toy": always(Work(outputs={"toy": 1e6}, light_s=20)),
    "make_userstudy": always(Work(outputs={"page": 6e7, "key": 1e5}, light_s=15, host_bytes=5e8)),
    "draw_figure": always(Work(outputs={"png": 3e5, "pdf": 3e5}, light_s=4, host_bytes=2e8)),
    "plot_figure": always(
        Work(outputs={"png": 3e5, "pdf": 3e5, "csv": 1e5}, light_s=4, host_bytes=2e8)
    ),
    "check_claims": always(Work(outputs={"verdicts": 1e6}, light_s=8, host_bytes=3e8)),
    "write_report": always(Work(outputs={"report": 3e6}, light_s=15, host_bytes=3e8)),
}
