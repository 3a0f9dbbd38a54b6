"""The jobs that some targets take from nothing, out of the very graph that Snakemake 9.27 builds.

Asked for inside a run, so that run's configuration, profile and reading of the rules hold. Nothing
is written, locked or run for it, and whether a file is there already does not matter.
"""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mirage import checkout
from snakemake.dag import DAG
from snakemake.io import is_flagged

_OUTSIDE = ("/", f"{checkout.REPOSITORY}/")


def planned(workflow: Any, targets: Iterable[str]) -> list[dict[str, Any]]:
    """Find the jobs that make some files below the results.

    Args:
        workflow: Snakemake's, its rules read.
        targets: rules without wildcards, and files relative to the results.

    Returns:
        JSON-able, sorted by rule and wildcards. Of each job ``rule``, ``wildcards``, ``inputs``
        (files), ``outputs`` (file -> its name in the rule, "" without one), ``temporary`` (outputs
        that go when their readers are done) and ``gpu``, whether it asks for one.
    """
    # A thread of its own: this is asked for inside Snakemake's loop of events.
    with ThreadPoolExecutor(1) as thread:
        jobs = thread.submit(asyncio.run, _jobs(workflow, targets)).result()
    told = [_told(job) for job in jobs]
    return sorted(
        (job for job in told if job["outputs"]),
        key=lambda job: (job["rule"], sorted(job["wildcards"].items())),
    )


async def _jobs(workflow: Any, targets: Iterable[str]) -> list[Any]:
    dag = DAG(workflow, workflow.rules)
    for target in targets:
        if workflow.is_rule(target):
            makers = [await dag.rule2job(workflow.get_rule(target))]
        else:
            makers = await dag.file2jobs(target)
        dag.targetjobs.add(await dag.update(makers, file=target))
    dag.cleanup()  # of jobs that could have made a file, but were not taken
    return list(dag.jobs)


def _told(job: Any) -> dict[str, Any]:
    names = {str(path): name for name, path in job.output.items()}
    return {
        "rule": job.rule.name,
        "wildcards": dict(job.wildcards.items()),
        "inputs": list(map(str, job.input)),
        "outputs": {
            path: names.get(path, "")
            for path in map(str, job.output)
            if not path.startswith(_OUTSIDE)
        },
        "temporary": [str(path) for path in job.output if is_flagged(path, "temp")],
        "gpu": bool(job.resources.get("gpu")),
    }
