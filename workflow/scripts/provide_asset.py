"""Job: say how to get an outside file that is missing (rule provide_asset)."""

from typing import TYPE_CHECKING

from mirage.errors import MirageError
from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def provide_asset(task: "snakemake") -> None:
    """Fail with the asset's name, its place and the way to it."""
    place = task.wildcards.asset
    for name, asset in task.params.assets.items():
        if asset["path"] == place:
            raise MirageError(
                f"the asset {name} is missing", f"{place}: {asset['what']}", asset["how"]
            )


job.run(provide_asset, snakemake)
