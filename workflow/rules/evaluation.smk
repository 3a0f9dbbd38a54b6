"""evaluation: every selected latent is synthesised once; metrics come from stored features."""


include: "queries/evaluation.smk"


rule check_evaluator:
    """Measure with which input range a released evaluator was trained."""
    input:
        weights=evaluator_weights,
        view=evaluator_view,
    output:
        check="evaluation/{dataset}/evaluator.json",
        job="jobs/check_evaluator/{dataset}.json",
    log:
        "logs/check_evaluator/{dataset}.log",
    priority: 100  # a wrong file shall show before the first long job
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("check_evaluator"),
        runtime=minutes("check_evaluator"),
        gpu=1,
    params:
        published=evaluator_accuracy,
        precision=SCALE["evaluation"].get("precision", "fp32"),
        device=config["device"],
        batch=config["forward_batch"],
        code=code("check_evaluator"),
    script:
        "../scripts/check_evaluator.py"


rule embed_real:
    """Features of a data set's training images in every evaluation network."""
    input:
        views=network_views,
        store=unrounded_store,
        weights=network_weights,
        evaluator=evaluator_check,
    output:
        features="evaluation/{measured}/features.safetensors",
        job="jobs/embed_real/{measured}.json",
    log:
        "logs/embed_real/{measured}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("embed_real"),
        runtime=minutes("embed_real"),
        gpu=1,
    params:
        networks=network_specs,
        seed=measured_seed,
        precision=SCALE["evaluation"].get("precision", "fp32"),
        device=config["device"],
        state=state_file("embed_real"),
        batch=config["forward_batch"],
        code=code("embed_real"),
    script:
        "../scripts/embed_real.py"


rule embed_attack:
    """Synthesise every selected latent once: features, images for measures, a gallery."""
    input:
        latents=attack_outcome,
        generator=attack_generator,
        weights=network_weights,
        evaluator=evaluator_check,
    output:
        features="attacks/{target}/{attack}/features.safetensors",
        images=temp("attacks/{target}/{attack}/images.safetensors"),
        gallery="attacks/{target}/{attack}/gallery.safetensors",
        job="jobs/embed_attack/{target}/{attack}.json",
    log:
        "logs/embed_attack/{target}/{attack}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("embed_attack"),
        runtime=minutes("embed_attack"),
        gpu=1,
    params:
        networks=network_specs,
        prior=attack_prior_kind,
        precision=SCALE["evaluation"].get("precision", "fp32"),
        crop_px=attack_crop,
        image_px=target_px,
        state=state_file("embed_attack"),
        measure_px=measure_px,
        gallery_classes=SCALE["evaluation"]["gallery_classes"],
        device=config["device"],
        batch=config["forward_batch"],
        code=code("embed_attack", attack_prior_kind),
    script:
        "../scripts/embed_attack.py"


rule measure_attack:
    """Take one measure of an attack that needs more than its features, knowledge say."""
    input:
        unpack(measure_inputs),
    output:
        numbers="attacks/{target}/{attack}/{measure}.json",
        job="jobs/measure_attack/{target}/{attack}/{measure}.json",
    log:
        "logs/measure_attack/{target}/{attack}/{measure}.log",
    wildcard_constraints:
        measure="|".join(name for name in MEASURES if name not in of_targets()),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("measure_attack"),
        runtime=minutes("measure_attack"),
        gpu=1,
    params:
        measure=measure_name,
        recipe=measure_recipe,
        device=config["device"],
        state=state_file("measure_attack"),
        code=code("measure_attack", measure_name, measure_recipe),
    script:
        "../scripts/measure_attack.py"


rule measure_target:
    """Take one measure of a target: of its gradients, or of its training images' features."""
    input:
        unpack(target_measure_inputs),
    output:
        metrics="measures/{target}/{measure}/metrics.json",
        arrays="measures/{target}/{measure}/arrays.safetensors",
        job="jobs/measure_target/{target}/{measure}.json",
    log:
        "logs/measure_target/{target}/{measure}.log",
    wildcard_constraints:
        measure="|".join(of_targets()),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("measure_target"),
        runtime=minutes("measure_target"),
        gpu=1,
    params:
        measure="{measure}",
        recipe=target_measure_recipe,
        attack=target_measure_attack,
        treatment=treatment_settings,
        prior=target_measure_prior_kind,
        classes=target_classes,
        image_px=target_px,
        crop_px=target_measure_crop,
        device=config["device"],
        state=state_file("measure_target"),
        limit=target_measure_limit,
        batch=target_measure_batch,
        code=code(
            "measure_target",
            target_measure_name,
            target_measure_recipe,
            target_measure_attack,
            treatment_settings,
            target_measure_prior_kind,
        ),
    script:
        "../scripts/measure_target.py"


rule calibrate_faces:
    """Find the distance below which two photographs pass as one person."""
    input:
        features="evaluation/{measured}/features.safetensors",
    output:
        threshold="evaluation/{measured}/verification.json",
        job="jobs/calibrate_faces/{measured}.json",
    log:
        "logs/calibrate_faces/{measured}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("calibrate_faces"),
        runtime=minutes("calibrate_faces"),
    params:
        verification=SCALE["evaluation"].get("verification"),
        code=code("calibrate_faces"),
    script:
        "../scripts/calibrate_faces.py"


rule score_attack:
    """Every metric of an attack, in both fidelities, from stored features."""
    input:
        features="attacks/{target}/{attack}/features.safetensors",
        real=real_features,
        measures=measured,
        threshold=face_threshold,
    output:
        metrics="attacks/{target}/{attack}/metrics.json",
        per_class="attacks/{target}/{attack}/per_class.csv",
        job="jobs/score_attack/{target}/{attack}.json",
    log:
        "logs/score_attack/{target}/{attack}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("score_attack"),
        runtime=minutes("score_attack"),
    params:
        code=code("score_attack"),
    script:
        "../scripts/score_attack.py"
