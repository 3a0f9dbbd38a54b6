"""Priors: image generators that never saw a private identity."""
