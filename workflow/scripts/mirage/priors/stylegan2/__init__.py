"""StyleGAN2 in plain PyTorch."""

from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.mapping import truncate
from mirage.priors.stylegan2.regions import Region, centre_region

__all__ = [
    "Discriminator",
    "Generator",
    "Region",
    "centre_region",
    "truncate",
]
