"""Job: every claim of the paper held against its numbers and ours (rule check_claims)."""

from mirage.runtime import job


@job.main
def check_claims(task: job.Assignment) -> dict[str, float]:
    """Write the verdicts with all that decides them as JSON, a line per claim as CSV."""
    from collections import Counter

    from mirage.paper import judging, presentation
    from mirage.runtime import files
    from mirage.study.study import Study

    study = Study(task.params.scale)
    shown = presentation.describe(study, task.params.name)
    items = judging.claimed_items(study.scale)
    judged = judging.judge(study, shown, items, judging.gate_of(study, shown))
    rows = judging.as_rows(judged)
    files.write_json(task.output.verdicts, judged)
    files.write_rows(task.output.csv, rows)
    return {word: float(count) for word, count in Counter(row["ours"] for row in rows).items()}
