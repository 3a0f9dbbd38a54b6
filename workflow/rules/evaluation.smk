"""evaluation: every selected latent is synthesised once; metrics come from stored features."""

from mirage.evaluation.measures import of_attacks, of_targets

evaluator = asked(measuring.released_evaluator)(study, wildcards.dataset)
drawn = asked(measuring.Networks.drawn)(study, wildcards.measured)
networks = asked(measuring.Networks)(study, target.dataset, target.seed)
measure_recipe = asked(measuring.recipe)(study, attack, wildcards.measure)
measured_target = asked(measuring.MeasuredTarget)(study, target, wildcards.measure)


rule check_evaluator:
    """Measure with which input range a released evaluator was trained."""
    input:
        weights=imported(evaluator["asset"]),
        view=view_file(wildcards.dataset, evaluator["view"]),
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
        published=evaluator["released"].get("test_accuracy"),
        precision=SCALE["evaluation"].get("precision", "fp32"),
        device=config["device"],
        batch=config["forward_batch"],
        code=code("check_evaluator"),
    script:
        "../scripts/check_evaluator.py"


rule embed_real:
    """Features of a data set's training images in every evaluation network."""
    input:
        views=drawn.views,
        store=drawn.store,
        weights=drawn.weights,
        evaluator=drawn.evaluator,
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
        networks=drawn.specs,
        seed=drawn.seed,
        precision=SCALE["evaluation"].get("precision", "fp32"),
        device=config["device"],
        state=state_file("embed_real"),
        batch=config["forward_batch"],
        code=code("embed_real"),
    script:
        "../scripts/embed_real.py"


rule embed_attack:
    """Synthesise every latent of an outcome once: features, images for measures, a gallery."""
    input:
        latents=stages.outcome,
        generator=generator(prior, target),
        weights=networks.weights,
        evaluator=networks.evaluator,
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
        networks=networks.specs,
        prior=study.prior_kind(prior),
        precision=SCALE["evaluation"].get("precision", "fp32"),
        crop_px=study.prior(prior)["crop_px"],
        image_px=study.image_px(target),
        state=state_file("embed_attack"),
        measure_px=study.measure_px(attack),
        gallery_classes=SCALE["evaluation"]["gallery_classes"],
        device=config["device"],
        batch=config["forward_batch"],
        code=code("embed_attack", study.prior_kind(prior)),
    script:
        "../scripts/embed_attack.py"


rule measure_attack:
    """Take one measure of an attack that needs more than its features, knowledge say."""
    input:
        unpack(
            asked(measuring.inputs)(study, attack, wildcards.measure, stages.outcome)
        ),
    output:
        numbers="attacks/{target}/{attack}/{measure}.json",
        job="jobs/measure_attack/{target}/{attack}/{measure}.json",
    log:
        "logs/measure_attack/{target}/{attack}/{measure}.log",
    wildcard_constraints:
        measure=one_of(of_attacks()),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("measure_attack"),
        runtime=minutes("measure_attack"),
        gpu=asked(measuring.gpus)(wildcards.measure),
    params:
        measure=wildcards.measure,
        recipe=measure_recipe,
        device=config["device"],
        state=state_file("measure_attack"),
        code=code("measure_attack", wildcards.measure, measure_recipe),
    script:
        "../scripts/measure_attack.py"


rule measure_target:
    """Take one measure of a target: of its gradients, or of its training images' features."""
    input:
        unpack(measured_target.inputs(generator(measured_target.prior, target))),
    output:
        metrics="measures/{target}/{measure}/metrics.json",
        arrays="measures/{target}/{measure}/arrays.safetensors",
        job="jobs/measure_target/{target}/{measure}.json",
    log:
        "logs/measure_target/{target}/{measure}.log",
    wildcard_constraints:
        measure=one_of(of_targets()),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("measure_target"),
        runtime=minutes("measure_target"),
        gpu=1,
    params:
        measure=wildcards.measure,
        recipe=measured_target.recipe,
        attack=measured_target.attack_settings,
        treatment=study.treatment(target),
        prior=measured_target.prior_kind,
        classes=study.classes(target.dataset),
        image_px=study.image_px(target),
        crop_px=measured_target.crop_px,
        device=config["device"],
        state=state_file("measure_target"),
        limit=measured_target.limit,
        batch=asked(config)[measured_target.limit],
        code=code(
            "measure_target",
            wildcards.measure,
            measured_target.recipe,
            measured_target.attack_settings,
            study.treatment(target),
            measured_target.prior_kind,
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


rule fit_reference:
    """Gaussians and neighbours of a data set's training images, for FID and PRDC."""
    input:
        features="evaluation/{measured}/features.safetensors",
    output:
        reference="evaluation/{measured}/reference.safetensors",
        job="jobs/fit_reference/{measured}.json",
    log:
        "logs/fit_reference/{measured}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("fit_reference"),
        runtime=minutes("fit_reference"),
    params:
        code=code("fit_reference"),
    script:
        "../scripts/fit_reference.py"


rule score_attack:
    """Every metric of an attack, in both fidelities, from stored features."""
    input:
        features="attacks/{target}/{attack}/features.safetensors",
        real=networks.features,
        reference=networks.reference,
        measures=expand(
            "attacks/{{target}}/{{attack}}/{name}.json", name=study.measures(attack)
        ),
        threshold=networks.verification,
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
