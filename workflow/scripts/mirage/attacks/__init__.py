"""Attacks: from a target and a prior to latents; no private image is ever read."""
