"""StyleGAN2."""

from mirage.priors.kinds import Network
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import DiscriminatorConfig, GeneratorConfig
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.stylegan2.generator import Generator

NETWORKS = {
    "generator": Network(GeneratorConfig, Generator),
    "discriminator": Network(DiscriminatorConfig, Discriminator),
}
RENDERING = ImagePipeline
