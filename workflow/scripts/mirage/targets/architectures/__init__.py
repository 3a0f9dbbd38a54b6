"""Networks by name: the published ones (torchvision) and small ones for the demo."""

from mirage.targets.architectures import mini, published
from mirage.targets.architectures.registry import Classifier, build, names

__all__ = ["Classifier", "build", "mini", "names", "published"]
