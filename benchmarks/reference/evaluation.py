"""Evaluation as the official flow has it: every metric, and every student epoch, renders anew."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torchvision import transforms

from benchmarks.reference.training import accuracy, train

PASSES = {
    "accuracy": "eval",
    "fid": "fid",
    "prdc": "fid",
    "delta_eval": "eval",
    "delta_face": "face",
}
"""Metrics that each synthesise the selected latents, and the network each of them asks."""


@torch.no_grad()
def embed(
    render: Callable[[Tensor], Tensor],
    networks: Mapping[str, Callable[[Tensor], Tensor]],
    latents: Tensor,
    batch_size: int,
) -> dict[str, Tensor]:
    """Outputs of each metric's network for latents [N, w_dim], rendered for each metric."""
    return {
        metric: torch.cat([networks[name](render(w)) for w in latents.split(batch_size)])
        for metric, name in PASSES.items()
    }


def knowledge(
    render: Callable[[Tensor], Tensor],
    student: nn.Module,
    latents: Tensor,
    labels: Tensor,
    real: tuple[Tensor, Tensor],
    epochs: int,
    batch_size: int,
) -> float:
    """Train the student on images rendered in every epoch; its accuracy on real images."""
    image_px = real[0].shape[-1]
    change = transforms.Compose(
        [
            transforms.RandomResizedCrop(image_px, (0.8, 1.0), (1.0, 1.0), antialias=True),
            transforms.RandomHorizontalFlip(),
        ]
    )

    def epoch() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(latents)).split(batch_size):
            with torch.no_grad():
                images = change(render(latents[rows])).clamp(-1, 1)
            yield images, labels[rows]
        schedule.step()

    sgd = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, epochs, eta_min=1e-4)
    train(student, (epoch() for _ in range(epochs)), 0.0, sgd)
    return accuracy(student, *real, 64)
