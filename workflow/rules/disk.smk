"""disk: what takes the space, and removing what nothing needs any more."""


rule clean_caches:
    """Remove caches and states of finished jobs; nothing has to be made again for it."""
    log:
        "logs/clean_caches.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    script:
        "../scripts/clean_caches.py"


rule verify:
    """Hold every finished file of this scale to its digest; fails where one is damaged."""
    log:
        "logs/verify.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        others=[
            f"{HOME}/{SCALE['trained_priors']}/{name}/{part}.safetensors"
            for name in priors_from("trained")
            for part in ("generator", "discriminator")
            if SCALE["trained_priors"] != "priors"  # else they lie among the results
        ],
    script:
        "../scripts/verify.py"
