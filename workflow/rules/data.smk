"""data: private and public photographs, decoded once, resized once."""


rule provide_asset:
    """Say what is missing and how to get it; there is no silent download."""
    output:
        f"{HOME}/{{asset}}",
    log:
        "logs/provide_asset/{asset}.log",
    wildcard_constraints:
        asset=asset_paths(),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        assets=SCALE["assets"],
    script:
        "../scripts/provide_asset.py"


rule prepare_store:
    """Decode a data set once: uint8 pixels, identities, split, checksums."""
    input:
        source=dataset_source,
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
        recipe=dataset_recipe,
        code=CODE["prepare_store"],
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
    resources:
        mem_mb=megabytes("prepare_view"),
        runtime=minutes("prepare_view"),
    params:
        recipe=view_recipe,
        code=CODE["prepare_view"],
    script:
        "../scripts/prepare_view.py"


rule check_data:
    """Hold every prepared data set to what it should be; private and public stay apart."""
    input:
        expand("data/{dataset}/manifest.json", dataset=SCALE["datasets"]),
    output:
        report="data/acceptance.json",
        job="jobs/check_data.json",
    log:
        "logs/check_data.log",
    conda:
        "../../envs/mirage.yaml"
    params:
        datasets=SCALE["datasets"],
        public=sorted(
            entry["source"]["dataset"]
            for entry in SCALE["priors"].values()
            if entry["source"]["kind"] == "trained"
        ),
        code=CODE["check_data"],
    script:
        "../scripts/check_data.py"
