"""Job: every metric of an attack (rule score_attack)."""

from mirage.runtime import job


@job.main
def score_attack(task: job.Assignment) -> dict[str, float]:
    """Write the metrics in both fidelities, overall and per class."""
    from mirage.evaluation.real_side import Reference
    from mirage.evaluation.scores import joined, score_attack
    from mirage.evaluation.stored import AttackFeatures, RealFeatures
    from mirage.runtime import files
    from mirage.study.cells import Target

    measured = joined(map(files.read_json, task.input.measures))
    scores = score_attack(
        AttackFeatures.load(task.input.features),
        RealFeatures.load(task.input.real),
        Reference.load(task.input.reference) if task.input.reference else None,
        measured,
        files.read_json(task.input.threshold) if task.input.threshold else None,
        Target.parse(task.wildcards.target).samples,
    )
    files.write_rows(task.output.per_class, scores.pop("per_class"))
    files.write_json(task.output.metrics, scores)
    told = ("acc1", "acc5", "delta_face", "xi_train")
    return {name: scores["paper"][name] for name in told if name in scores["paper"]}
