"""Job: hold the prepared data sets to what they should be (rule check_data)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def check_data(task: "snakemake") -> dict[str, float]:
    """Write the findings; an error among them fails the job."""
    from mirage.data.acceptance import check_disjoint, check_store, write_report
    from mirage.data.store import Store
    from mirage.errors import MirageError

    stores = {Path(path).parent.name: Store(Path(path).parent) for path in task.input}
    public = {name: stores[name] for name in task.params.public}
    findings = [
        finding
        for name, store in stores.items()
        for finding in check_store(store, {"identities": task.params.datasets[name]["classes"]})
    ]
    findings += [
        finding
        for name, store in stores.items()
        for other in public.values()
        if name not in public
        for finding in check_disjoint(store, other)
    ]
    errors = [finding.text for finding in findings if finding.kind == "error"]
    if errors:
        raise MirageError(f"the prepared data is not what it should be: {'; '.join(errors)}")
    write_report(findings, task.output.report)
    return {"stores": len(stores), "notes": len(findings)}


job.run(check_data, snakemake)
