"""targets: classifiers under a treatment, and the evaluation networks, by one training loop."""


rule train_target:
    """Train one classifier; an interrupted training goes on where it was."""
    input:
        view=training_view,
        init=initial_weights,
    output:
        weights="targets/<cell>/weights.safetensors",
        history="targets/<cell>/history.csv",
        metrics="targets/<cell>/metrics.json",
        job="jobs/train_target/<cell>.json",
    log:
        "logs/train_target/<cell>.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("train_target"),
        runtime=minutes("train_target"),
        gpu=1,
    params:
        recipe=training_recipe,
        allow_short=allow_short,
        device=config["device"],
        state=state_file("train_target"),
        code=CODE["train_target"],
    script:
        "../scripts/train_target.py"
