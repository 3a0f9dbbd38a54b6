"""targets: classifiers under a treatment, and the evaluation networks, by one training loop."""


include: "queries/targets.smk"


rule train_target:
    """Train one classifier; an interrupted training goes on where it was."""
    input:
        view=training_view,
        init=initial_weights,
        siblings=sibling_metrics,
    output:
        weights="targets/{target}/weights.safetensors",
        history="targets/{target}/history.csv",
        metrics="targets/{target}/metrics.json",
        job="jobs/train_target/{target}.json",
    log:
        "logs/train_target/{target}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("train_target"),
        runtime=minutes("train_target"),
        gpu=1,
    params:
        recipe=training_recipe,
        treatment=treatment_settings,
        allow_short=allow_short,
        device=config["device"],
        state=state_file("train_target"),
        code=code("train_target", training_recipe, treatment_settings),
    script:
        "../scripts/train_target.py"


rule import_target:
    """Put a released classifier in a target's place and measure it as training would have."""
    input:
        weights=released_weights,
        view=released_view,
    output:
        weights="targets/{target}/weights.safetensors",
        history="targets/{target}/history.csv",
        metrics="targets/{target}/metrics.json",
        job="jobs/import_target/{target}.json",
    log:
        "logs/import_target/{target}.log",
    wildcard_constraints:
        target="|".join(re.escape(target.cell) for target in STUDY.released_targets)
        or r"(?!)",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("import_target"),
        runtime=minutes("import_target"),
        gpu=1,
    params:
        seed=released_seed,
        precision=SCALE["evaluation"].get("precision", "fp32"),
        device=config["device"],
        code=code("import_target"),
    script:
        "../scripts/import_target.py"


ruleorder: import_target > train_target
