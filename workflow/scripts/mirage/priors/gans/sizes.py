"""Shapes of the low-resolution priors' networks; the defaults are the published 64 px ones."""

from dataclasses import dataclass
from typing import ClassVar

from mirage.recipes import Recipe, require

_MOST = 2048
"""Channels and latent values: twice the widest published network; a file may state any number."""


@dataclass(frozen=True)
class Ladder(Recipe):
    """Images, and a number of channels for each resolution of the features.

    Attributes:
        image_px: side of the images; twice the last resolution, or that itself.
        image_channels: 1 (grey) or 3 (colour).
        channels: of every resolution from ``first_px`` up, each twice the one before.
    """

    image_px: int = 64
    image_channels: int = 3
    channels: tuple[int, ...] = (512, 256, 128, 64)

    first_px: ClassVar[int] = 4
    last_is_image: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(self.image_channels in (1, 3), "image_channels", self.image_channels, "1 or 3")
        fits = bool(self.channels) and all(0 < number <= _MOST for number in self.channels)
        require(fits, "channels", self.channels, f"numbers in 1..{_MOST}")
        reached = self.first_px * 2 ** (len(self.channels) - self.last_is_image)
        require(
            self.image_px == reached <= 1024, "image_px", self.image_px,
            f"{reached}, at most 1024, since {len(self.channels)} channels from {self.first_px} px "
            "up lead there",
        )  # fmt: skip


@dataclass(frozen=True)
class DeconvolutionConfig(Ladder):
    """Shape of the generator of GMI and KED-MI.

    Attributes:
        z_dim: length of the latent.
    """

    z_dim: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.z_dim <= _MOST, "z_dim", self.z_dim, f"1..{_MOST}")


@dataclass(frozen=True)
class CriticConfig(Ladder):
    """Shape of GMI's critic."""


@dataclass(frozen=True)
class ClassifyingConfig(Ladder):
    """Shape of KED-MI's discriminator.

    Attributes:
        classes: of the target, K.
        kernels: statistics that minibatch discrimination adds to the features.
        kernel_dims: values of each image that one statistic compares.
    """

    channels: tuple[int, ...] = (256, 256, 128, 64)
    classes: int = 1000
    kernels: int = 64
    kernel_dims: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_classes(self.classes)
        for name in ("kernels", "kernel_dims"):
            require(0 < getattr(self, name) <= _MOST, name, getattr(self, name), f"1..{_MOST}")


@dataclass(frozen=True)
class ConditionalConfig(Ladder):
    """Shape of PLG-MI's generator; ``channels`` lead up to the image's own resolution.

    Attributes:
        z_dim: length of the latent.
        classes: of the target, K.
    """

    channels: tuple[int, ...] = (1024, 512, 256, 128, 64)
    z_dim: int = 128
    classes: int = 1000

    last_is_image: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.z_dim <= _MOST, "z_dim", self.z_dim, f"1..{_MOST}")
        _check_classes(self.classes)


@dataclass(frozen=True)
class ProjectionConfig(Ladder):
    """Shape of PLG-MI's discriminator; ``channels`` begin at 2 px.

    Attributes:
        classes: of the target, K.
    """

    channels: tuple[int, ...] = (1024, 512, 256, 128, 64)
    classes: int = 1000

    first_px: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_classes(self.classes)


def _check_classes(classes: int) -> None:
    require(0 < classes <= 1_000_000, "classes", classes, "at least 1, at most a million")
