"""BadNets, a backdoor by a small pattern in a corner: ``ls0.1+badnets``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirage.recipes import require
from mirage.targets.poisoned_labels import PoisonedLabels

if TYPE_CHECKING:
    from mirage.targets.backdoor import Trigger


@dataclass(frozen=True, kw_only=True)
class BadNets(PoisonedLabels):
    """Poisoned images bear a checkerboard; see ``mirage.targets.backdoor.checkerboard``.

    Attributes:
        size_px: side of the board.
        cell_px: side of its cells.
        margin_px: between board and edges of the image.

    Source: Gu et al. 2017; paper C.9 (quirk trigger-board).
    """

    size_px: int = 9
    cell_px: int = 1
    margin_px: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.size_px >= 1, "size_px", self.size_px, "at least 1 pixel")
        cell = self.cell_px
        require(1 <= cell <= self.size_px, "cell_px", cell, f"1 to size_px, {self.size_px}")
        require(self.margin_px >= 0, "margin_px", self.margin_px, "0 or more pixels")

    def trigger(self, channels: int, image_px: int, seed: int) -> "Trigger":
        """The board, the same for every seed."""
        from mirage.targets.backdoor import checkerboard

        return checkerboard(channels, image_px, self.size_px, self.cell_px, self.margin_px)

    def check(self, image_px: int, classes: int) -> None:
        """Refuse images that the board does not fit on, as well."""
        super().check(image_px, classes)
        most = image_px - self.margin_px
        require(self.size_px <= most, "size_px", self.size_px, f"at most {most} on {image_px} px")


PART = BadNets
