"""Job: say how to get an asset that is missing (rule provide_asset)."""

from mirage.runtime import job


@job.main
def provide_asset(task: job.Assignment) -> None:
    """Fail with the asset's name, its place and the way to it."""
    from mirage.assets.checking import check
    from mirage.assets.manifest import load_manifest
    from mirage.assets.remembered import Remembered
    from mirage.assets.telling import instructions
    from mirage.errors import MirageError

    params = task.params
    manifest = load_manifest(**params.manifest)
    name = params.assets[str(task.output[0])]
    finding = check(manifest[name], manifest.place(name), Remembered(params.memory))
    home = manifest.home
    raise MirageError(
        instructions([finding], home, params.scale) or f"the asset {name} was missing at the start",
        remedy="run the same command again once it is there",
    )
