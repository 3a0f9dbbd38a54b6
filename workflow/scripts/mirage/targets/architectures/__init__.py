"""Networks by name: the published ones (torchvision) and small ones for the demo."""

from mirage.targets.architectures import imagenet, mini
from mirage.targets.architectures.classifier import Classifier, build, names

__all__ = ["Classifier", "build", "imagenet", "mini", "names"]
