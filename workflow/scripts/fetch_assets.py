"""Job: download what may be downloaded and say how to get the rest (rule fetch_assets)."""

from mirage.runtime import job


@job.main
def fetch_assets(task: job.Assignment) -> dict[str, float]:
    """Fetch, print the table; fail if something wanted is still missing or wrong."""
    from mirage.assets.fetching import fetch_all
    from mirage.assets.manifest import load_manifest
    from mirage.assets.remembered import Remembered
    from mirage.assets.telling import instructions, table
    from mirage.errors import MirageError

    params = task.params
    manifest = load_manifest(**params.manifest)
    home = manifest.home
    findings = fetch_all(manifest, params.wanted, Remembered(params.memory))
    told = [table(findings, home), instructions(findings, home, params.scale)]
    print("\n", "\n\n".join(filter(None, told)), "\n", sep="", flush=True)
    bad = sum(not finding.good for finding in findings)
    if bad:
        raise MirageError(f"{bad} of {len(findings)} assets are still to be got, see above")
    return {"assets": len(findings)}
