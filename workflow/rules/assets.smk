"""assets: what comes from outside; checked before anything runs, fetched only when asked."""


onstart:
    verify_assets()
    refuse_dates_ahead()


rule check_assets:
    """Table of all assets; fails where one that this scale needs is missing or wrong."""
    log:
        "logs/check_assets.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        manifest=MANIFEST_SOURCE,
        memory=f"{HOME}/{ASSET_MEMORY}",
        scale=config["scale"],
        needed=ASSETS_IN_USE,
        page="assets.txt",
    script:
        "../scripts/check_assets.py"


rule fetch_assets:
    """Download what may be downloaded of this scale's assets, or of those named.

    snakemake fetch_assets --config scale=paper
    snakemake fetch_assets --config only=fid-inception,imagenette
    """
    log:
        "logs/fetch_assets.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        manifest=MANIFEST_SOURCE,
        memory=f"{HOME}/{ASSET_MEMORY}",
        scale=config["scale"],
        wanted=named_assets(),
    script:
        "../scripts/fetch_assets.py"


rule provide_asset:
    """Stand for a missing asset in the plan; run, it says how to get it.

    Only missing ones: Snakemake may remove the outputs of a rule, and these are the user's.
    """
    output:
        f"{HOME}/{{asset}}",
    log:
        "logs/provide_asset/{asset}.log",
    wildcard_constraints:
        asset=missing_paths(f"{HOME}/"),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        manifest=MANIFEST_SOURCE,
        memory=f"{HOME}/{ASSET_MEMORY}",
        scale=config["scale"],
        assets={asset_path(name): name for name in MANIFEST},
    script:
        "../scripts/provide_asset.py"


use rule provide_asset as provide_asset_elsewhere with:
    output:
        f"{ANYWHERE}{{asset}}",
    log:
        "logs/provide_asset/{asset}.log",
    wildcard_constraints:
        asset=missing_paths(ANYWHERE),
