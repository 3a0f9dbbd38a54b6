"""Photographs of a store cut and resized in floating point, when they are asked for.

A view holds 8-bit pixels, as Pillow's resize leaves them. The official code makes such images for
every network but that of the FID: there it resizes the tensor, so nothing is rounded, as nothing
is in the attack's own images. As a view those would take four times the room, so they are resized
from the store's pixels when they are embedded, which is once.
"""

import torch
from torch import Tensor

from mirage.data.store import Store
from mirage.data.views import View, ViewRecipe, cut_size, fitting_box
from mirage.errors import MirageError
from mirage.targets.images import network_range


class UnroundedImages:
    """The training images of a view, but for the rounding; sliced like a tensor."""

    def __init__(self, store: Store, view: View, device: str) -> None:
        """Name the images; none is read yet.

        Args:
            store: the decoded data set.
            view: what is cut, how it is resized, and which images are for training.
            device: where to resize.

        Raises:
            MirageError: the view was made from another store.
        """
        if view.metadata["store"] != store.manifest["files"]:
            raise MirageError(
                f"a view and {store.folder} do not hold the same photographs",
                "a view made from that store",
                "delete the view; the next run makes it anew",
            )
        self.store, self.device = store, device
        self.recipe = ViewRecipe.of(view.metadata["recipe"])
        self.indices: list[int] = view.train.tolist()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, rows: slice) -> Tensor:
        """Resize some images: float32 [N, C, px, px] in [-1, 1], on the device."""
        return torch.stack([self._image(index) for index in self.indices[rows]])

    def _image(self, index: int) -> Tensor:
        pixels, name = self.store.image(index), self.store.index[index].name
        left, top, right, bottom = fitting_box(pixels.shape[2], pixels.shape[1], self.recipe, name)
        image = network_range(torch.tensor(pixels[:, top:bottom, left:right], device=self.device))
        width, height, left, top = cut_size(image.shape[2], image.shape[1], self.recipe)
        if image.shape[1:] != (height, width):
            # As torchvision resizes tensors (quirk resize-paths).
            image = torch.nn.functional.interpolate(
                image[None], (height, width), mode="bilinear", antialias=True, align_corners=False
            )[0]
        px = self.recipe.image_px
        return image[:, top : top + px, left : left + px]
