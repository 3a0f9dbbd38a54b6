"""Job: forecast the whole study and print it (rule forecast)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def forecast(task: job.Assignment) -> None:
    """Write the forecast as JSON, CSV and HTML beside the results."""
    from mirage.forecast import page, summary
    from mirage.forecast.graph import plan, units_of
    from mirage.forecast.speeds import load_model
    from mirage.paper import render
    from mirage.runtime import files

    model = load_model(**task.params.model, results=Path())
    units = units_of(plan(model.workshop, task.params.jobs))
    if any(unit.key not in model.speeds.counts for unit in units):
        from mirage.forecast.counting import counted

        model = model.with_counts(counted(units, model.speeds.counts))
    jobs = plan(model.workshop, task.params.jobs)
    records = [files.read_json(path) for path in sorted(Path("jobs").rglob("*.json"))]
    told = summary.forecast(model, jobs, records, task.params.attempts)
    files.write_json("forecast.json", told)
    files.write_rows("forecast.csv", summary.csv_rows(told))
    files.write_text("forecast.html", render.html_page(page.html(told), "Forecast"))
    print(page.text(told), flush=True)
