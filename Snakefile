# MIRAGE: the paper as one graph.
#
#   data -> priors -> targets -> attacks -> evaluation -> paper
#
# config.yaml says what the science is, profiles/ what the machine is. Results lie below
# results/<scale>, and every path in the rules is relative to that folder.

import os
import sys

# Before anything else is imported: Snakemake has just put this folder first on the import path.
sys.path[:] = [part for part in sys.path if part not in ("", workflow.basedir)]
sys.path.insert(0, f"{workflow.basedir}/workflow/start")

import import_path

import_path.guard(workflow.basedir, os.environ)

from snakemake.utils import min_version

min_version("9.14")


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/place.smk"


# Absolute: inside a cluster's job one Snakemake starts another, each going to this folder.
workdir: results_folder()


link_to_repository()


include: "workflow/rules/common.smk"


container: container_image()


wildcard_constraints:
    target=grammar.TARGET,
    attack=grammar.ATTACK,
    dataset=grammar.WORD,
    view=grammar.WORD,
    prior=grammar.WORD,
    pool=grammar.DRAW,
    students=grammar.WORD,
    measured=grammar.DRAW,
    image_px=r"[0-9]+",
    item=r"[a-z0-9]+",


include: "workflow/rules/recovery.smk"
include: "workflow/rules/assets.smk"
include: "workflow/rules/requests.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/priors.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/attacks.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/disk.smk"
include: "workflow/rules/forecast.smk"
include: "workflow/rules/console.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        "report.html",
        ITEM_FILES,
