"""priors: image generators that never saw a private identity, and pools of their images."""


include: "queries/priors.smk"


rule train_prior:
    """Train a StyleGAN2 on public images.

    Where a scale ships its weights, this runs only when asked for by path, and nothing reads them:
    snakemake priors/orl-faces/generator.safetensors
    It reads its few public photographs itself: a store that is made anew repeats no training.
    """
    output:
        generator="priors/{prior}/generator.safetensors",
        discriminator="priors/{prior}/discriminator.safetensors",
    log:
        "logs/train_prior/{prior}.log",
    wildcard_constraints:
        prior="|".join(
            name
            for name, entry in SCALE["priors"].items()
            if entry["source"]["kind"] == "trained"
        )
        or r"(?!)",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("train_prior"),
        runtime=minutes("train_prior"),
        gpu=1,
    params:
        source=prior_source,
        dataset=prior_dataset,
        view=prior_view,
        device=config["device"],
        state=state_file("train_prior"),
    script:
        "../scripts/train_prior.py"


rule import_prior:
    """Turn a published pickle into safetensors without running any of its code."""
    input:
        pickle=prior_pickle,
        reference=prior_reference,
        known=KNOWN_WEIGHTS,
    output:
        generator="priors/{prior}/generator.safetensors",
        discriminator="priors/{prior}/discriminator.safetensors",
        record="priors/{prior}/import.json",
        job="jobs/import_prior/{prior}.json",
    log:
        "logs/import_prior/{prior}.log",
    wildcard_constraints:
        prior="|".join(
            name
            for name, entry in SCALE["priors"].items()
            if entry["source"]["kind"] == "pickle"
        )
        or r"(?!)",
    priority: 100  # a wrong file shall show before the first long job
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("import_prior"),
        runtime=minutes("import_prior"),
    params:
        image_px=prior_px,
        memory=fingerprint_file("prior"),
        code=code("import_prior"),
    script:
        "../scripts/import_prior.py"


rule synthesise_pool:
    """Draw the candidate pool once per prior and crop; all attacks share its images."""
    input:
        generator=pool_generator,
    output:
        pool="priors/pools/{pool}-{image_px}.safetensors",
        job="jobs/synthesise_pool/{pool}-{image_px}.json",
    log:
        "logs/synthesise_pool/{pool}-{image_px}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("synthesise_pool"),
        runtime=minutes("synthesise_pool"),
        gpu=1,
    params:
        recipe=pool_recipe,
        prior=pool_prior_kind,
        crop_px=pool_crop,
        device=config["device"],
        state=state_file("synthesise_pool"),
        batch=config["forward_batch"],
        code=code("synthesise_pool", pool_prior_kind),
    script:
        "../scripts/synthesise_pool.py"
