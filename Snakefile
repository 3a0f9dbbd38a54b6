# MIRAGE: the paper as one graph.
#
#   data -> priors -> targets -> attacks -> evaluation -> paper
#
# config.yaml says what the science is, profiles/ what the machine is. Results lie below
# results/<scale>, and every path in the rules is relative to that folder.

from snakemake.utils import min_version

min_version("9.14")


configfile: "config.yaml"


workdir: f"results/{config['scale']}"


pathvars:
    cell="{dataset}/{architecture}/{treatment}/{samples}/s{seed}",


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/priors.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/attacks.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/paper.smk"


report: "workflow/report/workflow.rst"


rule all:
    input:
        "report.html",
    default_target: True
