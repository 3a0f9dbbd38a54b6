"""Job: what every attack on a data set is held against (rule fit_reference)."""

from mirage.runtime import job


@job.main
def fit_reference(task: job.Assignment) -> None:
    """Write Gaussians and neighbours of the real training images."""
    from mirage.evaluation.real_side import fit_reference
    from mirage.evaluation.stored import RealFeatures

    fit_reference(RealFeatures.load(task.input.features)).save(task.output.reference)
