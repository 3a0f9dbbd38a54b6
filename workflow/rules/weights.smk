"""weights: networks that others published, read without their code, checked and tried once."""

REFERENCES = {
    network["asset"]: network["reference"]
    for roles in SCALE["networks"].values()
    for network in roles.values()
    if "reference" in network
}


rule import_weights:
    """Check a file of weights tensor by tensor, try the network once, write safetensors."""
    input:
        weights=asset(wildcards.foreign),
        reference=asset(asked(REFERENCES).get(wildcards.foreign)),
        known=KNOWN_WEIGHTS,
    output:
        weights="weights/{foreign}.safetensors",
        record="weights/{foreign}.json",
        job="jobs/import_weights/{foreign}.json",
    log:
        "logs/import_weights/{foreign}.log",
    wildcard_constraints:
        foreign=one_of(FOREIGN),
    priority: 100  # a wrong file shall show before the first long job
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=megabytes("import_weights"),
        runtime=minutes("import_weights"),
    params:
        recipe=asked(FOREIGN)[wildcards.foreign],
        memory=fingerprint_file(wildcards.foreign),
        code=code("import_weights"),
    script:
        "../scripts/import_weights.py"


rule check_weights:
    """Import every foreign network and list what was found."""
    input:
        records=[
            *expand("weights/{name}.json", name=FOREIGN),
            *expand("priors/{name}/import.json", name=priors_from("pickle")),
        ],
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
