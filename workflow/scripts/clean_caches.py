"""Job: remove what nothing needs any more (rule clean_caches)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def clean_caches(task: "snakemake") -> dict[str, float]:
    """Tell the sizes of all kinds, then remove."""
    from mirage import cleaning

    home = Path()
    cleaning.tell_sizes(home)
    removed = cleaning.clean(home)
    return {"files removed": len(removed), "MB": sum(file.size for file in removed) / 1e6}


job.run(clean_caches, snakemake)
