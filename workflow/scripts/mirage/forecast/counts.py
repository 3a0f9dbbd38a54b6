"""What was counted of a unit, as it is kept in files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mirage.runtime import files


@dataclass(frozen=True)
class Counts:
    """What one unit costs.

    Attributes:
        flops: per image of a step; a multiply-add is two.
        bytes: of all tensors at the worst moment of a step of ``batch`` images: weights,
            activations, gradients, optimiser. Library workspaces come on top.
        bytes_per_image: growth of ``bytes`` per image of the batch.
        weight_bytes: of the classifier or generator, for units that run one alone; else 0.
        batch: images of the counted step.
        operators: that a step starts, each at least one kernel of a GPU; 0 where nobody counted.
    """

    flops: float
    bytes: int
    bytes_per_image: float
    weight_bytes: int
    batch: int
    operators: int = 0

    def peak_bytes(self, batch: int) -> float:
        """Memory of a step of another batch."""
        return max(self.bytes + (batch - self.batch) * self.bytes_per_image, 0.0)


def read_counts(path: Path) -> dict[str, Counts]:
    """Read counts by unit; none where there is no file."""
    if not path.exists():
        return {}
    return {key: Counts(**value) for key, value in files.read_json(path).items()}


def plain(counts: Mapping[str, Counts]) -> dict[str, Any]:
    """Counts as they are written."""
    return {key: asdict(value) for key, value in sorted(counts.items())}
