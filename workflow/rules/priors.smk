"""priors: image generators that never saw a private identity, and pools of their images."""

source = study.prior(wildcards.prior)["source"]
own_prior = study.target_prior(target, wildcards.prior)
pool = study.pool_at(wildcards.pool, wildcards.image_px)


rule train_prior:
    """Train a prior on public images, for all targets.

    Where a scale ships its weights, this runs only when asked for by path, and nothing reads them:
    snakemake priors/orl-faces/generator.safetensors
    `ancient`: a store that is made anew repeats no training.
    """
    input:
        view=asked(ancient)(view_file(source["dataset"], source["view"])),
    output:
        generator="priors/{prior}/generator.safetensors",
        discriminator="priors/{prior}/discriminator.safetensors",
    log:
        "logs/train_prior/{prior}.log",
    wildcard_constraints:
        prior=one_of(priors_from("trained")),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("train_prior"),
        runtime=minutes("train_prior"),
        gpu=1,
    params:
        kind=study.prior_kind(wildcards.prior),
        source=source,
        device=config["device"],
        state=state_file("train_prior"),
    script:
        "../scripts/train_prior.py"


rule train_target_prior:
    """Train a prior for one target alone: it learns from that target's answers to public images."""
    input:
        weights="targets/{target}/weights.safetensors",
        view=view_file(own_prior["dataset"], own_prior["view"]),
    output:
        generator="targets/{target}/priors/{prior}/generator.safetensors",
        discriminator="targets/{target}/priors/{prior}/discriminator.safetensors",
        job="jobs/train_target_prior/{target}/{prior}.json",
    log:
        "logs/train_target_prior/{target}/{prior}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("train_target_prior"),
        runtime=minutes("train_target_prior"),
        gpu=1,
    params:
        kind=study.prior_kind(wildcards.prior),
        source=own_prior,
        treatment=study.treatment(target),
        device=config["device"],
        state=state_file("train_target_prior"),
        code=code(
            "train_target_prior",
            study.prior_kind(wildcards.prior),
            own_prior,
            study.treatment(target),
        ),
    script:
        "../scripts/train_target_prior.py"


rule import_prior:
    """Turn a published pickle into safetensors without running any of its code."""
    input:
        pickle=asset(source["asset"]),
        reference=asset(source.get("reference")),
        known=KNOWN_WEIGHTS,
    output:
        generator="priors/{prior}/generator.safetensors",
        discriminator="priors/{prior}/discriminator.safetensors",
        record="priors/{prior}/import.json",
        job="jobs/import_prior/{prior}.json",
    log:
        "logs/import_prior/{prior}.log",
    wildcard_constraints:
        prior=one_of(priors_from("pickle")),
    priority: 100  # a wrong file shall show before the first long job
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("import_prior"),
        runtime=minutes("import_prior"),
    params:
        image_px=study.prior(wildcards.prior)["image_px"],
        memory=fingerprint_file(wildcards.prior),
        code=code("import_prior"),
    script:
        "../scripts/import_prior.py"


rule synthesise_pool:
    """Draw the candidate pool once per prior and crop; all attacks share its images."""
    input:
        generator=generator(pool["prior"]),
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
        recipe=study.pool_recipe(wildcards.pool),
        prior=study.prior_kind(pool["prior"]),
        crop_px=study.prior(pool["prior"])["crop_px"],
        device=config["device"],
        state=state_file("synthesise_pool"),
        batch=config["forward_batch"],
        code=code("synthesise_pool", study.prior_kind(pool["prior"])),
    script:
        "../scripts/synthesise_pool.py"
