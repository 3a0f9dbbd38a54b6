"""Weights that others published: read without running code, checked, tried once.

One door for every foreign file (ImageNet, FaceNet, the FID Inception, released
evaluators and targets): ``importing.import_weights``. What leaves it is safetensors whose names,
shapes and dtypes are those of the network it names.
"""
