"""forecast: what the study will cost, before anything runs."""

WORK_COUNTS = f"{HOME}/workflow/presets/forecast/work.json"
units = asked(units_behind)("all")
SHIPPED = expand("priors/{name}/generator.safetensors", name=priors_from("trained"))


rule calibrate:
    """Time each kind of work on this device, on a cluster in a GPU job."""
    output:
        speeds="forecast/calibration.json",
        job="jobs/calibrate.json",
    log:
        "logs/calibrate.log",
    conda:
        "../../envs/mirage.yaml"
    resources:
        mem_mb=calibration_megabytes,
        runtime=calibration_minutes,
        gpu=1,
    params:
        units=units,
        counts=WORK_COUNTS,
        device=config["device"],
        seconds=config["calibration_s"],
        machine=machine(config["device"]),
        code=code("calibrate", units),
    script:
        "../scripts/calibrate.py"


rule forecast:
    """Print and write what every table takes; finished jobs stand beside their forecast."""
    input:
        speeds="forecast/calibration.json" if config["calibration_s"] > 0 else [],
    log:
        "logs/forecast.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        jobs=asked(jobs_behind)("all"),
        model={**MODEL_SETTINGS, **LIMITS},
        attempts=attempts,
    script:
        "../scripts/forecast.py"


rule count_work:
    """Count the work of all networks of this scale anew; planning reads the result."""
    log:
        "logs/count_work.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        units=asked(units_behind)("all", *SHIPPED),
        counts=WORK_COUNTS,
    script:
        "../scripts/count_work.py"
