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
