"""Targets: classifiers under a treatment, and the evaluation models."""
