"""Job: remove what nothing needs any more (rule clean_caches)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def clean_caches(task: job.Assignment) -> dict[str, float]:
    """Tell the sizes of all kinds, then remove."""
    from mirage import cleaning

    home = Path()
    cleaning.tell_sizes(home)
    removed = cleaning.clean(home)
    return {"files removed": len(removed), "MB": sum(file.size for file in removed) / 1e6}
