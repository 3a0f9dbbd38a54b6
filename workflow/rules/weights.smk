"""weights: networks that others published, read without their code, checked and tried once."""


include: "queries/weights.smk"


rule import_weights:
    """Check a file of weights tensor by tensor, try the network once, write safetensors."""
    input:
        weights=foreign_file,
        reference=foreign_reference,
        known=KNOWN_WEIGHTS,
    output:
        weights="weights/{foreign}.safetensors",
        record="weights/{foreign}.json",
        job="jobs/import_weights/{foreign}.json",
    log:
        "logs/import_weights/{foreign}.log",
    wildcard_constraints:
        foreign="|".join(map(re.escape, FOREIGN)) or r"(?!)",
    priority: 100  # a wrong file shall show before the first long job
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("import_weights"),
        runtime=minutes("import_weights"),
    params:
        recipe=foreign_recipe,
        memory=fingerprint_file("foreign"),
        code=code("import_weights"),
    script:
        "../scripts/import_weights.py"


rule check_weights:
    """Import every foreign network and list what was found."""
    input:
        records=foreign_records,
    output:
        table="weights/checks.csv",
        job="jobs/check_weights.json",
    log:
        "logs/check_weights.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        code=code("check_weights"),
    script:
        "../scripts/check_weights.py"
