"""The StyleGAN2 generator: mapping and synthesis."""

from torch import Tensor, nn

from mirage import streams
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.mapping import Mapping
from mirage.priors.stylegan2.synthesis import Synthesis


class Generator(nn.Module):
    """Latents to images; parameter names are those of the published PyTorch files.

    Attributes:
        config: its shape; of it ``image_px``, ``z_dim``, ``w_dim``, ``num_ws``.
        mapping: z [N, z_dim] -> w [N, w_dim].
        synthesis: ws [N, num_ws, w_dim] -> images [N, image_channels, h, w].
    """

    def __init__(self, config: GeneratorConfig, seed: int = 0) -> None:
        """Make a generator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config, self.image_px = config, config.image_px
        self.z_dim, self.w_dim, self.num_ws = config.z_dim, config.w_dim, config.num_ws
        draws = streams.generator(seed, "priors", "stylegan2", "generator")
        self.mapping = Mapping(config, draws)
        self.synthesis = Synthesis(config, draws)

    @property
    def w_avg(self) -> Tensor:
        """Mean w [w_dim], the centre of truncation; training updates it in place."""
        return self.mapping.w_avg

    def forward(self, z: Tensor) -> Tensor:
        """Map z [N, z_dim] to images without truncation."""
        return self.synthesis(self.mapping(z)[:, None].expand(-1, self.num_ws, -1))  # type: ignore[no-any-return]
