"""KED-MI's GAN, which knows the target's answers."""

from mirage.priors.gans.critic import ClassifyingDiscriminator
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.sizes import ClassifyingConfig, DeconvolutionConfig
from mirage.priors.kinds import Network
from mirage.priors.rendering import Prior

NETWORKS = {
    "generator": Network(DeconvolutionConfig, DeconvolutionGenerator),
    "discriminator": Network(ClassifyingConfig, ClassifyingDiscriminator),
}
RENDERING = Prior
