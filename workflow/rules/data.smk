"""data: private and public photographs, decoded once, resized once."""

checked = asked(in_use.checked_with)(study, wildcards.dataset)


rule prepare_store:
    """Decode a data set once, faces cut out: uint8 pixels, identities, split, checksums."""
    input:
        unpack(assets(study.assets_of(wildcards.dataset))),
    output:
        pixels="data/{dataset}/pixels.safetensors",
        index="data/{dataset}/index.csv",
        manifest="data/{dataset}/manifest.json",
        job="jobs/prepare_store/{dataset}.json",
    log:
        "logs/prepare_store/{dataset}.log",
    conda:
        "../../envs/mirage.yaml"
    threads: 2
    resources:
        mem_mb=megabytes("prepare_store"),
        runtime=minutes("prepare_store"),
    params:
        recipe=study.dataset(wildcards.dataset)["recipe"],
        classes=study.classes(wildcards.dataset),
        code=code("prepare_store", study.dataset(wildcards.dataset)["recipe"]),
    script:
        "../scripts/prepare_store.py"


rule prepare_view:
    """Crop and resize a store's images once for the networks that share a size."""
    input:
        pixels="data/{dataset}/pixels.safetensors",
        index="data/{dataset}/index.csv",
        manifest="data/{dataset}/manifest.json",
    output:
        view="data/{dataset}/views/{view}.safetensors",
        job="jobs/prepare_view/{dataset}/{view}.json",
    log:
        "logs/prepare_view/{dataset}/{view}.log",
    conda:
        "../../envs/mirage.yaml"
    threads: 2
    resources:
        mem_mb=megabytes("prepare_view"),
        runtime=minutes("prepare_view"),
    params:
        recipe=study.view(wildcards.dataset, wildcards.view),
        code=code("prepare_view"),
    script:
        "../scripts/prepare_view.py"


rule check_data:
    """Hold the data sets in use to what they should be; private and public stay apart."""
    input:
        expand("data/{dataset}/manifest.json", dataset=DATASETS_IN_USE),
    output:
        report="data/acceptance.json",
        job="jobs/check_data.json",
    log:
        "logs/check_data.log",
    conda:
        "../../envs/mirage.yaml"
    params:
        expectations=in_use.expectations(STUDY, DATASETS_IN_USE),
        apart=in_use.kept_apart(STUDY, DATASETS_IN_USE),
        code=code("check_data"),
    script:
        "../scripts/check_data.py"


rule check_dataset:
    """Hold one data set, in use or not, to what it should be."""
    input:
        expand("data/{name}/manifest.json", name=checked),
    output:
        report="data/{dataset}/acceptance.json",
        job="jobs/check_dataset/{dataset}.json",
    log:
        "logs/check_dataset/{dataset}.log",
    conda:
        "../../envs/mirage.yaml"
    params:
        expectations=asked(in_use.expectations)(study, checked),
        apart=asked(in_use.kept_apart)(study, checked),
        code=code("check_dataset"),
    script:
        "../scripts/check_dataset.py"
