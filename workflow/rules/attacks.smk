"""attacks: stages in chunks of classes, each a file; no job here reads a private image."""

from mirage.attacks.kinds import KINDS

CUT, WHOLE = (
    sorted({s.result for kind in KINDS.values() for s in kind.stages if s.cut == cut})
    for cut in (True, False)
)
if STUDY.classes_per_chunk is None:  # nothing is cut: each result is made as a whole
    WHOLE += CUT
kind = stages.settings["kind"]
stage = stages.part(wildcards.part)[0]
stage_recipe = stages.settings[stage.settings]
# Of the model that runs the stage: it may have wrapped the network.
treatment = study.treatment(attack.runner(stage.role))


rule run_stage:
    """One stage of an attack, for a chunk of classes or for all."""
    input:
        unpack(stages.inputs(wildcards.part, generator(prior, target))),
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
        kind=kind,
        stage=stage.role,
        recipe=stage_recipe,
        classes=stages.part(wildcards.part)[1],
        treatment=treatment,
        prior=study.prior_kind(prior),
        crop_px=study.prior(prior)["crop_px"],
        image_px=study.image_px(target),
        device=config["device"],
        state=state_file("run_stage"),
        limit=stage.batch,
        batch=asked(config)[stage.batch],
        compile=stage.compilation(config["compile"]),
        code=code(
            "run_stage",
            kind,
            stage.role,
            stage_recipe,
            treatment,
            study.prior_kind(prior),
        ),
    script:
        "../scripts/run_stage.py"


if STUDY.classes_per_chunk is not None:

    rule merge_chunks:
        """Join the chunks of a stage; each class must be there once."""
        input:
            chunks=stages.files(stages.held(wildcards.stage)),
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
            classes=stages.classes,
            code=code("merge_chunks"),
        script:
            "../scripts/merge_chunks.py"
