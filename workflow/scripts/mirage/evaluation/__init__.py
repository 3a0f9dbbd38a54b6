"""Evaluation: features once, then every metric from stored features."""
