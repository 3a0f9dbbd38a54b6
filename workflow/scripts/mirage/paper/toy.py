"""Toy example: three blobs, three smoothing factors, a walk of one point into the target class.

Source: paper Section 3, Fig. 1 and 8; the numbers that the paper does not print are those of the
authors' notebook, and so is what differs from the paper's wording (quirks late-stop, toy-network,
chosen-start, toy-constant).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mirage.optimisers import Optimiser
from mirage.paper.recipe import ToyRecipe
from mirage.paper.toy_result import UNSTOPPED_STEPS, ToyResult, ToyRun
from mirage.recipes import OptimiserRecipe
from mirage.runtime.progress import Progress
from mirage.targets.smoothing import smoothed_cross_entropy

CENTRES = ((0, -10), (-10, 10), (10, 10))  # class 0 below, 1 upper left, 2 upper right
TARGET = 2
START = (-3.0, -10.0)  # inside class 0, 0.231 from its nearest point
POINTS, SPREAD, DATA_SEED = 500, 1.6, 17
TRAINING_STEPS = 5_000
ATTACK_LIMIT = 10_000
GOAL = 0.95  # confidence in the target class that stops the attack, strictly above
EXTENT, GRID = 15.0, 100  # the plotted square is [-15, 15]^2, sampled 100 x 100


def run_toy(recipe: ToyRecipe) -> ToyResult:
    """Train and attack for every seed and factor; about 3 s each on one core.

    Returns:
        Data and runs. On the CPU with seed 42 the attacks stop at the paper's 763, 3113 and 53
        steps; another linear algebra library may move them by a step or two.
    """
    points, labels = make_points()
    runs = []
    todo = [(alpha, seed) for seed in recipe.seeds for alpha in recipe.alphas]
    with Progress("toy example", len(todo)) as progress:
        for alpha, seed in todo:
            runs.append(_run(points, labels, alpha, seed))
            progress.advance()
    return ToyResult(points, labels, tuple(runs))


def make_points() -> tuple[Tensor, Tensor]:
    """Draw the blobs: points float32 [500, 2] and classes int64 [500]."""
    from sklearn.datasets import make_blobs

    points, labels = make_blobs(
        n_samples=POINTS, centers=CENTRES, cluster_std=SPREAD, random_state=DATA_SEED
    )
    return torch.tensor(points, dtype=torch.float32), torch.tensor(labels)


def make_network(seed: int) -> nn.Sequential:
    """Build the three-layer network with PyTorch's default initial weights.

    The paper's weights are whatever the layers draw from the global generator after seeding it
    with 42, and layers take no other generator. The fork puts the global state back afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(2, 20), nn.BatchNorm1d(20), nn.ReLU(),
            nn.Linear(20, 20), nn.BatchNorm1d(20), nn.ReLU(),
            nn.Linear(20, len(CENTRES), bias=False),
        )  # fmt: skip


def train(points: Tensor, labels: Tensor, alpha: float, seed: int) -> tuple[nn.Sequential, float]:
    """Train one network on the full batch: SGD, 5,000 steps, rate 0.001, momentum 0.9.

    Returns:
        The network in eval mode, and the loss of the last step.
    """
    network = make_network(seed)
    optimiser = Optimiser(
        list(network.parameters()), OptimiserRecipe("sgd", lr=0.001, momentum=0.9)
    )
    for _ in range(TRAINING_STEPS):
        loss = smoothed_cross_entropy(network(points), labels, alpha)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    # The attack and the confidence map see the running statistics of batch normalisation.
    return network.eval().requires_grad_(False), loss.item()


def walk(network: nn.Module, steps: int, start: Tensor) -> tuple[Tensor, Tensor]:
    """Move ``start`` [2] by SGD (rate 0.1) on the cross entropy of the target class.

    Returns:
        The iterates [steps + 1, 2], start first, and the confidence in the target class at each.
    """
    target = torch.tensor([TARGET])
    path, log_p = torch.empty(steps + 1, 2), torch.empty(steps + 1)
    point = start[None].clone().requires_grad_()
    for step in range(steps):
        loss = F.cross_entropy(network(point), target)
        (gradient,) = torch.autograd.grad(loss, point)
        with torch.no_grad():
            path[step], log_p[step] = point[0], -loss
            point.sub_(gradient, alpha=0.1)
    path[steps] = point.detach()[0]
    log_p[steps] = -F.cross_entropy(network(path[steps:]), target)
    return path, log_p.exp()


def _run(points: Tensor, labels: Tensor, alpha: float, seed: int) -> ToyRun:
    network, loss = train(points, labels, alpha, seed)
    path, confidence = walk(network, UNSTOPPED_STEPS, torch.tensor(START))
    unstopped = path[-1], confidence[-1]
    if not (confidence[:-1] > GOAL).any():
        rest = walk(network, ATTACK_LIMIT - UNSTOPPED_STEPS, path[-1])
        path, confidence = torch.cat([path, rest[0][1:]]), torch.cat([confidence, rest[1][1:]])
    reached = (confidence[:-1] > GOAL).nonzero()
    steps = int(reached[0]) if len(reached) else None
    end = path[-1] if steps is None else path[steps + 1]
    targets = points[labels == TARGET]
    return ToyRun(
        alpha=alpha,
        seed=seed,
        loss=loss,
        train_accuracy=(network(points).argmax(1) == labels).double().mean().item(),
        steps=steps,
        path=path,
        distance=_nearest(end, targets),
        unstopped_distance=_nearest(unstopped[0], targets),
        unstopped_confidence=unstopped[1].item(),
        grid=confidence_map(network),
    )


def confidence_map(network: nn.Module) -> Tensor:
    """Largest softmax value over the plotted square, [100 (y), 100 (x)]."""
    axis = torch.linspace(-EXTENT, EXTENT, GRID)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    with torch.no_grad():
        confidence: Tensor = network(torch.stack([x, y], dim=-1).flatten(0, 1)).softmax(1).amax(1)
    return confidence.view(GRID, GRID)


def _nearest(point: Tensor, points: Tensor) -> float:
    return float((points - point).norm(dim=1).min())
