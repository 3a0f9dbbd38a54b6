"""Job: the page of a user study, and its key apart (rule make_userstudy)."""

from mirage.runtime import job


@job.main
def make_userstudy(task: job.Assignment) -> dict[str, float]:
    """Draw tasks, hide what their pictures are, and write page and key."""
    from mirage.paper.userstudy import questionnaire
    from mirage.paper.userstudy.blinding import blinded
    from mirage.paper.userstudy.questions import questions

    treatments = task.params.treatments
    asked = questions(
        dict(zip(treatments, task.input.galleries, strict=True)),
        task.input.photographs,
        task.params.tasks,
        task.params.seed,
        task.params.groups,
    )
    tasks, pictures = blinded(asked)
    questionnaire.write(
        task.output.page,
        task.output.key,
        task.wildcards.userstudy,
        task.params.dataset,
        treatments,
        (tasks, pictures),
    )
    return {"tasks": len(tasks), "pictures": len(pictures)}
