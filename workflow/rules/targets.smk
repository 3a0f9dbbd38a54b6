"""targets: classifiers under a treatment, and the evaluation networks, by one training loop."""

architecture = study.architecture(target.architecture)
students = study.students(target, wildcards.students)
student_inits = study.student_inits(wildcards.students)


rule train_target:
    """Train one classifier; an interrupted training goes on where it was."""
    input:
        view=view_file(target.dataset, architecture["view"]),
        init=imported(study.initial_weights(target)),
        siblings=expand("{cell.path}/metrics.json", cell=target.siblings),
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
        recipe=study.training(target),
        treatment=study.treatment(target),
        allow_short=study.dataset(target.dataset).get("allow_short", False),
        device=config["device"],
        state=state_file("train_target"),
        code=code("train_target", study.training(target), study.treatment(target)),
    script:
        "../scripts/train_target.py"


rule import_target:
    """Put a released classifier in a target's place and measure it as training would have."""
    input:
        weights=imported(study.released_targets[target]),
        view=view_file(target.dataset, architecture["view"]),
    output:
        weights="targets/{target}/weights.safetensors",
        history="targets/{target}/history.csv",
        metrics="targets/{target}/metrics.json",
        job="jobs/import_target/{target}.json",
    log:
        "logs/import_target/{target}.log",
    wildcard_constraints:
        target=one_of(cell.cell for cell in STUDY.released_targets),
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("import_target"),
        runtime=minutes("import_target"),
        gpu=1,
    params:
        seed=target.seed,
        precision=SCALE["evaluation"].get("precision", "fp32"),
        device=config["device"],
        code=code("import_target"),
    script:
        "../scripts/import_target.py"


ruleorder: import_target > train_target


rule train_students:
    """Train a target's students on its answers to public images."""
    input:
        weights="targets/{target}/weights.safetensors",
        view=view_file(students["dataset"], students["view"]),
        inits=student_inits.values(),
    output:
        students="targets/{target}/students/{students}.safetensors",
        job="jobs/train_students/{target}/{students}.json",
    log:
        "logs/train_students/{target}/{students}.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("train_students"),
        runtime=minutes("train_students"),
        gpu=1,
    params:
        recipe=students["recipe"],
        seed=students["seed"],
        inits=asked(list)(student_inits),
        treatment=study.treatment(target),
        device=config["device"],
        state=state_file("train_students"),
        code=code("train_students", students["recipe"], study.treatment(target)),
    script:
        "../scripts/train_students.py"
