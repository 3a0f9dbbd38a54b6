"""Print what ``snakemake forecast`` hands its script as the study's jobs, in JSON; run nothing.

``plan_study.py SNAKEFILE FOLDER SETTINGS``: a folder for the results, and settings that go before
those of the configuration, in JSON.
"""

import contextlib
import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings

snakefile, folder, settings = sys.argv[1:]
with SnakemakeApi(OutputSettings()) as api:
    flow = api.workflow(
        ResourceSettings(cores=1),
        ConfigSettings(config={**json.loads(settings), "calibration_s": 0}),
        snakefile=Path(snakefile),
        workdir=Path(folder),
    )
    with contextlib.redirect_stdout(sys.stderr):
        flow.dag(DAGSettings(targets={"forecast"})).execute_workflow(executor="dryrun")
    (job,) = flow._workflow.dag.jobs
    print(json.dumps(job.params.jobs))
