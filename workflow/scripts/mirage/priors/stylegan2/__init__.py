"""StyleGAN2 in plain PyTorch."""

from mirage.priors.stylegan2.discriminator import Discriminator, DiscriminatorConfig
from mirage.priors.stylegan2.generator import Generator, GeneratorConfig
from mirage.priors.stylegan2.mapping import truncate
from mirage.priors.stylegan2.regions import Region, centre_region

__all__ = [
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "GeneratorConfig",
    "Region",
    "centre_region",
    "truncate",
]
