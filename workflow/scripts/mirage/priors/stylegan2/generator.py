"""The StyleGAN2 generator: mapping and synthesis."""

from torch import Tensor, nn

from mirage import streams
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.mapping import Mapping
from mirage.priors.stylegan2.synthesis import Synthesis


class Generator(nn.Module):
    """Latents to images; parameter names are those of the published PyTorch files.

    Attributes:
        config: its shape.
        mapping: z [N, z_dim] -> w [N, w_dim].
        synthesis: ws [N, num_ws, w_dim] -> images [N, image_channels, h, w].
    """

    def __init__(self, config: GeneratorConfig, seed: int = 0) -> None:
        """Make a generator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config = config
        draws = streams.generator(seed, "priors", "stylegan2", "generator")
        self.mapping = Mapping(config, draws)
        self.synthesis = Synthesis(config, draws)

    @property
    def image_px(self) -> int:
        """Side of the images."""
        return self.config.image_px

    @property
    def z_dim(self) -> int:
        """Size of the input latent."""
        return self.config.z_dim

    @property
    def w_dim(self) -> int:
        """Size of the intermediate latent."""
        return self.config.w_dim

    @property
    def num_ws(self) -> int:
        """Latents the synthesis takes, one per layer."""
        return self.synthesis.num_ws

    @property
    def w_avg(self) -> Tensor:
        """Mean w [w_dim], the centre of truncation; training updates it in place."""
        return self.mapping.w_avg

    def forward(self, z: Tensor) -> Tensor:
        """Map z [N, z_dim] to images without truncation."""
        return self.synthesis(self.mapping(z)[:, None].expand(-1, self.num_ws, -1))  # type: ignore[no-any-return]
