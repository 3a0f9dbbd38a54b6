"""The steps of an attack's optimisation, with the gradient of the image at each of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES, Loss
from mirage.attacks.transforms import Crops, draw_steps, plan_crops
from mirage.evaluation.measures.gradients.pairs import Pairs
from mirage.imaging import Boxes
from mirage.numerics import at_precision, numerics
from mirage.optimisers import Optimiser
from mirage.priors.pipeline import ImagePipeline
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator
from mirage.targets.noise import drawn, rows_of

PLACES = ("image", "crop", "generator", "uncropped")
"""Where gradients are taken: at the image that the classifier's size was made for, before the
random crop (the paper's "current image"); at what the classifier sees, after it; at the prior's
resolution; and before the crop, of a loss without any crop."""


class WalkedModel(NamedTuple):
    """What is walked on.

    Attributes:
        pipeline: prior and centre crop, on the device.
        classifier: on the device, frozen and in eval mode.
        image_px: its input size.
        recipe: steps, optimiser, crops and precision of the attack.
    """

    pipeline: ImagePipeline
    classifier: Callable[..., Tensor]
    image_px: int
    recipe: OptimisationRecipe


def walk(
    model: WalkedModel,
    pairs: Pairs,
    losses: Sequence[str],
    seed: int,
    batch: int,
    device: str,
    checkpoint: Checkpoint,
    label: str = "gradients",
) -> dict[str, Tensor]:
    """Optimise every pair with every loss and keep what its gradients were.

    Each pair has crops of its own, and noise for a classifier that draws some, from streams that
    its number names, so results depend on ``batch`` by rounding alone. Losses are summed, so no
    image weighs on another's gradient.

    Args:
        model: what is walked on.
        pairs: from ``draw_pairs``.
        losses: names of attack losses.
        seed: of the crops: the same for every target and loss.
        batch: pairs that run together at most.
        device: where all of it runs.
        checkpoint: state of an interrupted run; ticks after each step.
        label: name of the work in progress lines.

    Returns:
        float32 [N, T] each, ``LOSS.loss`` and ``LOSS.probability`` (of the class) before each of
        the T updates; ``LOSS.moved``, how far the image is from the one before (l2); and for each
        of ``PLACES`` ``LOSS.largest.PLACE``, the largest absolute value of the gradient, and
        ``LOSS.cosine.PLACE``, its cosine with the gradient before. That is NaN where there is none:
        at the first step, and where either gradient is zero or not finite.

    Source: paper 4.4, Eq. 4.
    """
    model = model._replace(
        pipeline=model.pipeline.at(model.recipe.precision),
        classifier=at_precision(model.classifier, model.recipe.precision),
    )
    count = len(pairs.latents)
    parts = [(name, first) for name in losses for first in range(0, count, batch)]
    state = checkpoint.load() or {}
    done = {k.removeprefix("done."): v for k, v in state.items() if k.startswith("done.")}
    begun = int(state.get("part", 0))
    steps = model.recipe.steps
    progress = Progress(label, len(parts) * steps, begun * steps + int(state.get("step", 0)))
    with numerics(model.recipe.precision, device), progress:
        for number in range(begun, len(parts)):
            name, first = parts[number]
            finished: State = {f"done.{key}": rows for key, rows in done.items()}
            finished["part"] = torch.tensor(number)
            rows = slice(first, min(first + batch, count))
            found = _descend(
                model, Pairs(*(field[rows] for field in pairs)), LOSSES[name], first, seed, device,
                state, finished, checkpoint, progress,
            )  # fmt: skip
            for key, values in found.items():
                held = [done[f"{name}.{key}"]] if first else []
                done[f"{name}.{key}"] = torch.cat([*held, values])
            state = {}
    return dict(sorted(done.items()))


def _descend(
    model: WalkedModel,
    pairs: Pairs,
    loss: Loss,
    first: int,
    seed: int,
    device: str,
    state: State,
    finished: State,
    checkpoint: Checkpoint,
    progress: Progress,
) -> dict[str, Tensor]:
    """Run all steps of some pairs, the first of which has the number ``first``."""
    recipe, count = model.recipe, len(pairs.latents)
    w = state.get("w", pairs.latents).to(device, copy=True).requires_grad_()
    targets = pairs.targets.to(device)
    optimiser = Optimiser([w], recipe.optimiser)
    whole, crops, noise = _plan(model, first, count, seed, device, w.dtype)
    before: State = {
        k.removeprefix("before."): v for k, v in state.items() if k.startswith("before.")
    }
    before = {name: values.to(device) for name, values in before.items()}
    names = ["loss", "probability", "moved"]
    names += [f"{kind}.{place}" for kind in ("largest", "cosine") for place in PLACES]
    nothing = w.new_full((recipe.steps, count), torch.nan)
    trace = {name: state.get(f"trace.{name}", nothing).to(device, copy=True) for name in names}
    if state:
        optimiser.restore(state)
    for step in range(int(state.get("step", 0)), recipe.steps):
        seen, gradient = look(model, w, targets, loss, whole, crops, step, noise)
        image = seen.pop("at")
        for name in ("loss", "probability"):
            trace[name][step] = seen.pop(name)
        now: State = {"at": image}
        for place, values in seen.items():
            trace[f"largest.{place}"][step], now[place] = directions(values)
            if before:
                trace[f"cosine.{place}"][step] = (now[place] * before[place]).flatten(1).sum(1)
        if before:
            trace["moved"][step] = (image - before["at"]).flatten(1).norm(dim=1)
        before = now
        w.grad = gradient / recipe.batch_size
        optimiser.step()
        progress.advance()
        kept = {f"trace.{name}": values for name, values in trace.items()}
        kept |= {f"before.{name}": values for name, values in before.items()}
        running = {"step": torch.tensor(step + 1), "w": w}
        checkpoint.tick(lambda: finished | running | kept | optimiser.state())  # noqa: B023
    return {name: values.T.float().cpu() for name, values in trace.items()}


def look(
    model: WalkedModel,
    w: Tensor,
    targets: Tensor,
    loss: Loss,
    whole: Crops | None,
    crops: Crops,
    step: int,
    noise: Tensor | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Loss, probability and gradients of latents [N, w_dim] at one step.

    ``noise`` is that of all steps' two passes, with the crop and without, [T, 2, N, width].

    Returns:
        ``loss`` and ``probability`` [N], the image ``at`` which they were, a gradient of the sum
        for each of ``PLACES``; and the gradient with respect to ``w``.
    """
    pipeline = model.pipeline
    view = pipeline.crop(pipeline.repeat(w), model.recipe.clip)
    image = view if whole is None else whole.cut(view, 0)
    cut = crops.cut(image, step)
    through, beside = (rows_of(noise, (step, place), w.device) for place in (0, 1))
    logits = model.classifier(cut, *through)
    values = loss(logits, targets)
    gradient, at_view, at_image, at_cut = torch.autograd.grad(values.sum(), (w, view, image, cut))
    plain = image.detach().requires_grad_()
    whole_logits = model.classifier(plain, *beside)
    (uncropped,) = torch.autograd.grad(loss(whole_logits, targets).sum(), plain)
    probability = logits.detach().softmax(dim=1).gather(1, targets[:, None])[:, 0]
    found = {
        "loss": values.detach(), "probability": probability, "at": image.detach(),
        "image": at_image, "crop": at_cut, "generator": at_view, "uncropped": uncropped,
    }  # fmt: skip
    return found, gradient


def directions(gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Largest absolute value of each of N gradients, and the gradients at unit length.

    A zero gradient, and one that is not finite, has the direction NaN. Squares of small values
    would be lost to float32, so lengths are taken in units of the largest one.
    """
    largest = gradients.abs().flatten(1).amax(dim=1)
    usable = (largest > 0) & largest.isfinite()
    across = (-1, *[1] * (gradients.ndim - 1))
    scaled = gradients / torch.where(usable, largest, torch.nan).view(across)
    return largest, scaled / scaled.flatten(1).norm(dim=1).view(across)


def _plan(
    model: WalkedModel, first: int, count: int, seed: int, device: str, dtype: torch.dtype
) -> tuple[Crops | None, Crops, Tensor | None]:
    """The resize of whole images to the classifier's size, if any; all pairs' crops and noise."""
    px, source_px = model.image_px, model.pipeline.crop_px
    whole = None
    if source_px != px:
        corner, side = torch.zeros(1, 1).long(), torch.full((1, 1), px)
        box = Boxes(corner, corner, side, side, corner.bool())
        whole = plan_crops(box, px, source_px, device, dtype)
    numbers = range(first, first + count)
    streams = [generator(seed, "measures", "gradients", "crops", number) for number in numbers]
    recipe = model.recipe
    boxes = draw_steps(streams, recipe.steps, px, recipe.crop_scale, recipe.crop_ratio, flip=0.0)
    noise = [
        drawn(model.classifier, generator(seed, "measures", "gradients", "noise", number),
              recipe.steps, 2)
        for number in numbers
    ]  # fmt: skip
    given = [each for each in noise if each is not None]
    held = torch.stack(given, dim=2).to(device) if given else None
    return whole, plan_crops(boxes, px, px, device, dtype), held
