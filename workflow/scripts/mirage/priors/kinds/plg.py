"""PLG-MI's GAN, conditional on the target's classes."""

from mirage.priors.gans.conditional import ConditionalGenerator
from mirage.priors.gans.projection import ProjectionDiscriminator
from mirage.priors.gans.sizes import ConditionalConfig, ProjectionConfig
from mirage.priors.kinds import Network
from mirage.priors.rendering import Prior

NETWORKS = {
    "generator": Network(ConditionalConfig, ConditionalGenerator),
    "discriminator": Network(ProjectionConfig, ProjectionDiscriminator),
}
RENDERING = Prior
