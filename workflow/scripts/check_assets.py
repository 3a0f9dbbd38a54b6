"""Job: say of every asset whether it is there and the right one (rule check_assets)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def check_assets(task: job.Assignment) -> dict[str, float]:
    """Print the table and leave it as a file; fail if something needed is missing or wrong."""
    from mirage.assets.checking import check_all
    from mirage.assets.manifest import load_manifest
    from mirage.assets.remembered import Remembered
    from mirage.assets.telling import overview
    from mirage.errors import MirageError
    from mirage.runtime import files

    params = task.params
    manifest = load_manifest(**params.manifest)
    home, memory = manifest.home, Remembered(params.memory)
    needed = check_all(manifest, params.needed, memory)
    others = check_all(manifest, [n for n in manifest if n not in params.needed], memory)
    page = overview(needed, others, home, params.scale)
    files.write_text(params.page, f"{page}\n")
    print(f"\n{page}\n", flush=True)
    bad = sum(not finding.good for finding in needed)
    if bad:
        raise MirageError(
            f"{bad} of {len(needed)} assets are missing or wrong; "
            f"what to do stands above and in {Path(params.page).absolute()}"
        )
    return {"assets": len(needed)}
