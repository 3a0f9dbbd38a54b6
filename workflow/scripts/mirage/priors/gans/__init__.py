"""Generative adversarial networks of the low-resolution attacks: GMI's, KED-MI's and PLG-MI's."""
