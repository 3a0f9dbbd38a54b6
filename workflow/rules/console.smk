"""What people are told before anything runs: requests nothing can meet, dates, links."""

import clocks
import plainly
from mirage import requests
from mirage.paper.contents import extra, told_extra
from refusing import Refused


def refuse_dates_ahead():
    """Stop before the first job if Snakemake would throw away its results for an input's date."""
    clocks.refuse_dates_ahead(
        workflow.dag, ROOT, tell=lambda line: print(line, file=sys.stderr)
    )


def known_targets():
    """What may be asked for: rules without wildcards, and every file of the study."""
    names = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
    try:
        files = [file for job in jobs_behind("all") for file in job["outputs"]]
    except WorkflowError:  # of a whole study that cannot be planned: not what was asked
        files = []
    return [*names, *files]


def told_links():
    """Links that a checkout turned into text files, as it does where it may make none."""
    return [
        f"{name} is a file, not the link to profiles/{name} that it should be: use --profile "
        f"profiles/{name}, or git config core.symlinks true && git checkout -- {name}"
        for name in ("slurm", "workstation")
        if (ROOT / name).is_file()
    ]


plainly.tell(
    requests.Requests(
        checkout=ROOT,
        folder=Path.cwd(),
        scale=config["scale"],
        scales=list(config["scales"]),
        makes=lambda path: any(rule.is_producer(path) for rule in workflow.rules),
        known=known_targets,
    ).refusal
)
if workflow.is_main_process:
    for told in filter(None, [*told_links(), told_extra(extra(STUDY))]):
        print(told, file=sys.stderr)
