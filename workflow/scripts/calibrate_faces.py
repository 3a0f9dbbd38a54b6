"""Job: the distance below which two photographs pass as one person (rule calibrate_faces)."""

from mirage.runtime import job


@job.main
def calibrate_faces(task: job.Assignment) -> dict[str, float]:
    """Write the threshold of both fidelities."""
    from mirage.evaluation.fidelity import CORRECTED
    from mirage.evaluation.recipe import VerificationRecipe
    from mirage.evaluation.stored import RealFeatures
    from mirage.evaluation.verification import calibrate
    from mirage.runtime import files

    recipe = VerificationRecipe.of(task.params.verification)
    found = calibrate(RealFeatures.load(task.input.features), recipe)
    files.write_json(task.output.threshold, found)
    told: dict[str, float] = {k: v for k, v in found[CORRECTED].items() if v is not None}
    return told
