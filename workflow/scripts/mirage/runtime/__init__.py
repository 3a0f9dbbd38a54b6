"""What a job needs of its machine: files, checkpoints, progress, records.

Nothing here may change a result, so the code digest of a stage leaves this package out.
"""
