"""attacks: PPA in three stages, each a file; no job here reads a private image."""


include: "queries/attacks.smk"


rule sample_candidates:
    """Stage 1: per class the pool's images the target is surest of."""
    input:
        weights="targets/{target}/weights.safetensors",
        pool=attack_pool,
    output:
        candidates="attacks/{target}/{attack}/candidates.safetensors",
        job="jobs/sample_candidates/{target}/{attack}.json",
    log:
        "logs/sample_candidates/{target}/{attack}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("sample_candidates"),
        runtime=minutes("sample_candidates"),
        gpu=1,
    params:
        recipe=attack_stage("sampling"),
        device=config["device"],
        batch=config["forward_batch"],
        code=code("sample_candidates"),
    script:
        "../scripts/sample_candidates.py"


rule optimise_latents:
    """Stage 2: move each candidate of a chunk of classes until the target sees its class."""
    input:
        weights="targets/{target}/weights.safetensors",
        generator=attack_generator,
        candidates="attacks/{target}/{attack}/candidates.safetensors",
        discriminator=attack_discriminator,
        pool=feature_pool,
    output:
        latents="attacks/{target}/{attack}/optimised/{chunk}.safetensors",
        job="jobs/optimise_latents/{target}/{attack}/{chunk}.json",
    log:
        "logs/optimise_latents/{target}/{attack}/{chunk}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("optimise_latents"),
        runtime=minutes("optimise_latents"),
        gpu=1,
    params:
        recipe=attack_stage("optimisation"),
        crop_px=attack_crop,
        image_px=target_px,
        device=config["device"],
        state=state_file("optimise_latents"),
        batch=config["optimise_batch"],
        code=code("optimise_latents", attack_stage("optimisation")),
    script:
        "../scripts/optimise_latents.py"


rule select_latents:
    """Stage 3: keep the latents whose images stay convincing under strong transforms."""
    input:
        weights="targets/{target}/weights.safetensors",
        generator=attack_generator,
        latents="attacks/{target}/{attack}/optimised/{chunk}.safetensors",
    output:
        latents="attacks/{target}/{attack}/selected/{chunk}.safetensors",
        job="jobs/select_latents/{target}/{attack}/{chunk}.json",
    log:
        "logs/select_latents/{target}/{attack}/{chunk}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("select_latents"),
        runtime=minutes("select_latents"),
        gpu=1,
    params:
        recipe=attack_stage("selection"),
        crop_px=attack_crop,
        image_px=target_px,
        device=config["device"],
        state=state_file("select_latents"),
        batch=config["forward_batch"],
        code=code("select_latents"),
    script:
        "../scripts/select_latents.py"


rule merge_latents:
    """Join the chunks of a stage; each class must be there once."""
    input:
        chunks=chunk_files,
    output:
        latents="attacks/{target}/{attack}/{stage}.safetensors",
        job="jobs/merge_latents/{target}/{attack}/{stage}.json",
    log:
        "logs/merge_latents/{target}/{attack}/{stage}.log",
    wildcard_constraints:
        stage="optimised|selected",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        classes=class_count,
        code=code("merge_latents"),
    script:
        "../scripts/merge_latents.py"
