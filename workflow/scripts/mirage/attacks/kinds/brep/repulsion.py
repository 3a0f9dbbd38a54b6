"""The walk away from the boundary: growing spheres, each asked about in a few points."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.attacks.kinds.brep.asking import Asker
from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.attacks.kinds.brep.starts import Starts
from mirage.runtime.checkpoint import State
from mirage.streams import generator


@dataclass
class Walks:
    """Where all classes stand, one row each, on the CPU.

    Attributes:
        z: latents, [K, z_dim].
        radius: of the sphere, float64 [K].
        steps: accepted ones since the sphere last grew, int64 [K].
        passes: spheres so far, int64 [K].
        inside: share of the last sphere's points the target saw the class in, [K].
        best: latents after the last step that was accepted as the sphere grew, [K, z_dim].
        grown: how often that was, int64 [K]; without it a class has failed.
    """

    z: Tensor
    radius: Tensor
    steps: Tensor
    passes: Tensor
    inside: Tensor
    best: Tensor
    grown: Tensor

    @classmethod
    def begin(cls, starts: Starts, recipe: BrepRecipe) -> "Walks":
        """Stand at the starting points."""
        count = len(starts.z)
        zero = torch.zeros(count, dtype=torch.int64)
        radius = torch.full((count,), recipe.radius, dtype=torch.float64)
        return cls(starts.z, radius, zero, zero, torch.zeros(count), starts.z, zero)

    def state(self) -> State:
        """Everything a resumed walk needs."""
        return {f"walk.{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def restored(cls, state: State) -> "Walks":
        """Take over what ``state`` returned."""
        return cls(**{field.name: state[f"walk.{field.name}"] for field in fields(cls)})

    def going(self, recipe: BrepRecipe) -> Tensor:
        """Which are not done: bool [K]."""
        return (self.steps < recipe.patience) & (self.passes < recipe.pass_limit)


def advance(
    walks: Walks, rows: Tensor, classes: Tensor, ask: Asker, recipe: BrepRecipe, seed: int
) -> None:
    """Ask about one sphere of each of some classes, and step.

    Points that are not seen as the class push the latent away from them. A step that leaves the
    class is taken back, but the sphere stays as it is, grown or not; neither such a step nor one
    with a grown sphere counts towards the end (quirk uncounted-passes).

    Args:
        walks: changed in place.
        rows: which, int64 [B].
        classes: attacked class of every row of ``walks``, int64 [K].
        ask: latents to classes.
        recipe: settings.
        seed: of the attack; class and pass name the streams.

    Source: BREP-MI, with repulsion only; quirks late-expansion, mixed-radii and unclamped-probes.
    """
    z, radius, wanted = walks.z[rows], walks.radius[rows], classes[rows]
    names = list(zip(wanted.tolist(), walks.passes[rows].tolist(), strict=True))
    directions = torch.stack([_directions(seed, name, recipe.points, z.shape[1]) for name in names])
    sphere = z[:, None] + radius[:, None, None].to(z) * directions
    seen = ask(sphere, wanted, [("sphere", *name) for name in names])
    outside = seen != wanted[:, None]  # [B, N]
    count = recipe.points - outside.sum(dim=1)
    grows = 2 * count - recipe.points > recipe.threshold * recipe.points
    larger = torch.where(grows, recipe.growth * radius, radius)
    step = _repulsion(directions, outside) * (radius / larger)[:, None]
    length = (radius / 3).clamp(max=recipe.largest_step)[:, None]
    stepped = (z + (length * step).to(z)).clamp(-recipe.clamp, recipe.clamp)
    seen = ask(stepped[:, None], wanted, [("step", *name) for name in names])
    accepted = seen[:, 0] == wanted
    gained = accepted & grows
    z = torch.where(accepted[:, None], stepped, z)
    changes = {
        "z": z,
        "radius": larger,
        "steps": torch.where(grows, 0, walks.steps[rows] + accepted.long()),
        "passes": walks.passes[rows] + 1,
        "inside": count / recipe.points,
        "best": torch.where(gained[:, None], z, walks.best[rows]),
        "grown": walks.grown[rows] + gained.long(),
    }
    for name, values in changes.items():
        whole = getattr(walks, name)
        setattr(walks, name, whole.index_copy(0, rows, values.to(whole)))


def _directions(seed: int, name: tuple[int, int], points: int, z_dim: int) -> Tensor:
    """Unit vectors of one sphere, [points, z_dim]."""
    stream = generator(seed, "attacks", "brep", "sphere", *name)
    return F.normalize(torch.randn(points, z_dim, generator=stream), dim=1)


def _repulsion(directions: Tensor, outside: Tensor) -> Tensor:
    """Mean over all points of the way from those outside, float64 [B, z_dim]; 0 if all are inside.

    Args:
        directions: unit vectors, [B, N, z_dim].
        outside: bool [B, N].
    """
    # In float64: which rows are summed beside a row must not be seen in its float32 result.
    return torch.where(outside[:, :, None], -directions.double(), 0.0).mean(dim=1)
