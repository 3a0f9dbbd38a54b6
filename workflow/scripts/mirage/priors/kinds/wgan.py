"""GMI's general GAN, also the prior of RLB-MI and BREP-MI."""

from mirage.priors.gans.critic import Critic
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.sizes import CriticConfig, DeconvolutionConfig
from mirage.priors.kinds import Network
from mirage.priors.rendering import Prior

NETWORKS = {
    "generator": Network(DeconvolutionConfig, DeconvolutionGenerator),
    "discriminator": Network(CriticConfig, Critic),
}
RENDERING = Prior
