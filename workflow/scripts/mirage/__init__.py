"""MIRAGE: Model Inversion Reproduction As a Graph of Experiments.

The rooms follow the chain of the paper: ``data -> priors -> targets -> attacks -> evaluation ->
paper``. ``runtime`` holds what a job needs of its machine (files, checkpoints, progress), and
nothing in the package knows Snakemake.
"""
