"""attacks: stages in chunks of classes, each a file; no job here reads a private image."""


include: "queries/attacks.smk"


rule run_stage:
    """One stage of an attack, for a chunk of classes or for all."""
    input:
        unpack(stage_inputs),
    output:
        latents="attacks/{target}/{attack}/{part}.safetensors",
        job="jobs/run_stage/{target}/{attack}/{part}.json",
    log:
        "logs/run_stage/{target}/{attack}/{part}.log",
    wildcard_constraints:
        part="|".join([*WHOLE, rf"(?:{'|'.join(CUT)})/{grammar.CHUNK}"]),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("run_stage"),
        runtime=minutes("run_stage"),
        gpu=1,
    params:
        kind=attack_kind,
        stage=stage_role,
        recipe=stage_settings,
        classes=stage_classes,
        treatment=stage_treatment,
        prior=attack_prior_kind,
        crop_px=attack_crop,
        image_px=target_px,
        device=config["device"],
        state=state_file("run_stage"),
        limit=stage_limit,
        batch=stage_batch,
        code=code(
            "run_stage",
            attack_kind,
            stage_role,
            stage_settings,
            stage_treatment,
            attack_prior_kind,
        ),
    script:
        "../scripts/run_stage.py"


rule merge_chunks:
    """Join the chunks of a stage; each class must be there once."""
    input:
        chunks=chunk_files,
    output:
        latents="attacks/{target}/{attack}/{stage}.safetensors",
        job="jobs/merge_chunks/{target}/{attack}/{stage}.json",
    log:
        "logs/merge_chunks/{target}/{attack}/{stage}.log",
    wildcard_constraints:
        stage="|".join(CUT),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        classes=attacked_classes,
        code=code("merge_chunks"),
    script:
        "../scripts/merge_chunks.py"
