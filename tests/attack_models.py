"""Small models the tests attack, and a checkpoint that interrupts."""

import torch
from interruptions import StopAfter
from mirage.attacks.given import Given
from mirage.errors import Interrupted
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.runtime.checkpoint import Checkpoint
from torch import nn


class TinyClassifier(nn.Module):
    """Smooth, so that finite differences hold."""

    def __init__(self, classes=5, channels=1, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(
            nn.Conv2d(channels, 6, 3, stride=2),
            nn.Softplus(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(24, classes)

    def features(self, images):
        return self.body(images)

    def forward(self, images):
        return self.head(self.features(images))


class Noisy(TinyClassifier):
    """Logits follow the noise as much as the image; keeps the noise of each pass."""

    noise_width = 24

    def __init__(self):
        super().__init__()
        self.seen = []
        self.eval().requires_grad_(False)
        self.head.weight *= 20

    def forward(self, images, noise):
        self.seen.append(noise)
        return self.head(self.features(images) + noise)


def classifier(seed=0, dtype=torch.float32, **shape):
    model = TinyClassifier(seed=seed, **shape).to(dtype).eval().requires_grad_(False)
    model.head.weight *= 20
    return model


def pipeline(crop_px=12, dtype=torch.float32, channels=1, image_px=16):
    config = GeneratorConfig(
        image_px=image_px, image_channels=channels, channel_base=64, channel_max=8,
        z_dim=6, w_dim=6, mapping_layers=2,
    )  # fmt: skip
    generator = Generator(config, seed=1).to(dtype).eval().requires_grad_(False)
    generator.mapping.w_avg.copy_(torch.linspace(-0.5, 0.5, 6))
    return ImagePipeline(generator, crop_px)


def latents(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, 6, generator=torch.Generator().manual_seed(seed)).to(dtype)


def no_checkpoint():
    return Checkpoint(None, {})


def given(classes, image_px, batch, seed=7, device="cpu", checkpoint=None, **extra):
    """What a stage is run with, but for files and settings, which tests hand over themselves."""
    checkpoint = checkpoint or no_checkpoint()
    return Given({}, {}, classes, image_px, 12, seed, device, batch, checkpoint, **extra)


def in_pieces(path, work, ticks):
    """Run ``work(checkpoint)`` again and again until it ends; returns its result and the runs."""
    for run in range(1, 10_000):
        try:
            return work(StopAfter(path, ticks, {"work": 1})), run
        except Interrupted:
            continue
    raise AssertionError("no end")
