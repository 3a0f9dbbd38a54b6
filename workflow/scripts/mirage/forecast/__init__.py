"""What a study will cost, before anything runs: counted work, measured speed, a simulated queue.

``units`` names the repeated pieces of work, ``work`` asks the rooms' ``cost.py`` how much of each a
job does, ``counting`` counts their FLOPs and memory on tensors without data, ``calibration`` times
them on the user's device, ``speeds`` turns both into seconds and megabytes, ``graph`` lays them on
the jobs that Snakemake plans, ``schedule`` and ``summary`` add up the study. Only ``counting``,
``loops`` and ``calibration`` need torch: requests are computed while a workflow is planned.
"""
