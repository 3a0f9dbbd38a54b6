"""Shapes of a prior's networks: resolutions, channels, latents."""

from dataclasses import dataclass

from mirage.recipes import Recipe, require


@dataclass(frozen=True)
class Pyramid(Recipe):
    """Resolutions 4, 8, ... ``image_px`` with a number of channels each.

    Attributes:
        image_px: side of the images, a power of two in 8..1024.
        image_channels: 1 (grey) or 3 (colour).
        channel_base: resolution r has channel_base / r channels (32768: "config f"), ...
        channel_max: ... but at most this many.
        channels: channels of every resolution from 4 px up, instead of that rule.
        conv_clamp: bound of every activation, applied after its gain; None for no bound.
    """

    image_px: int
    image_channels: int = 3
    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] | None = None
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        sizes = [2**power for power in range(3, 11)]
        require(self.image_px in sizes, "image_px", self.image_px, f"one of {sizes}")
        colours, base = self.image_channels, self.channel_base
        require(colours in (1, 3), "image_channels", colours, "1 or 3")
        require(base >= self.image_px, "channel_base", base, "at least image_px")
        require(self.channel_max > 0, "channel_max", self.channel_max, "above 0")
        if self.channels is not None:
            fits = len(self.channels) == len(self.resolutions) and min(self.channels) > 0
            wanted = f"one positive number for each of {self.resolutions}"
            require(fits, "channels", self.channels, wanted)
        for resolution in self.resolutions:
            # Four times the published networks; a file may state any number.
            most, number = min(4 * 32768 // resolution, 2048), self.channels_at(resolution)
            require(number <= most, f"channels at {resolution} px", number, f"to {most}")
        clamp = self.conv_clamp
        require(clamp is None or clamp > 0, "conv_clamp", clamp, "above 0 or null")

    @property
    def resolutions(self) -> list[int]:
        """4, 8, ... image_px."""
        return [2**power for power in range(2, self.image_px.bit_length())]

    def channels_at(self, resolution: int) -> int:
        """Channels of the features at one resolution."""
        if self.channels is not None:
            return self.channels[resolution.bit_length() - 3]
        return min(self.channel_base // resolution, self.channel_max)


@dataclass(frozen=True)
class GeneratorConfig(Pyramid):
    """Shape of a generator; the defaults are those of the published networks.

    Attributes:
        z_dim: input latent.
        w_dim: intermediate latent.
        mapping_layers: fully connected layers of the mapping.
        mapping_lr_multiplier: learning-rate factor of the mapping.
    """

    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_lr_multiplier: float = 0.01

    @property
    def num_ws(self) -> int:
        """Latents w the synthesis takes, one per layer."""
        return 2 * len(self.resolutions)

    def __post_init__(self) -> None:
        super().__post_init__()
        multiplier = self.mapping_lr_multiplier
        require(multiplier > 0, "mapping_lr_multiplier", multiplier, "above 0")
        # Four times the published networks; a file may state any number.
        for name, most in (("z_dim", 2048), ("w_dim", 2048), ("mapping_layers", 32)):
            value = getattr(self, name)
            require(0 < value <= most, name, value, f"1..{most}")


@dataclass(frozen=True)
class DiscriminatorConfig(Pyramid):
    """Shape of a discriminator; the defaults are those of the published networks.

    Attributes:
        deviation_group: images over which the minibatch standard deviation is taken; the batch
            must be a multiple of it, or smaller than it.
        deviation_channels: channels that statistic adds.
    """

    deviation_group: int = 4
    deviation_channels: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        group, channels = self.deviation_group, self.deviation_channels
        require(group > 0, "deviation_group", group, "above 0")
        fits = channels > 0 and self.channels_at(4) % channels == 0
        wanted = f"a divisor of the {self.channels_at(4)} channels at 4 px"
        require(fits, "deviation_channels", channels, wanted)
