"""Embed images once: every metric of an attack comes from these features."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from mirage import finite
from mirage.errors import MirageError
from mirage.evaluation.fidelity import FIDELITIES, PAPER, Fidelity
from mirage.evaluation.networks import EvaluationNetwork
from mirage.evaluation.stored import AttackFeatures, RealFeatures
from mirage.numerics import numerics
from mirage.priors.rendering import Rendering
from mirage.recipes import Precision
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.progress import Progress
from mirage.runtime.spool import Spool
from mirage.targets.images import network_range
from mirage.visible import listed

if TYPE_CHECKING:
    from mirage.evaluation.unrounded import UnroundedImages


class EmbeddedAttack(NamedTuple):
    """What one synthesis of an attack's latents yields.

    Attributes:
        features: features and logits of every network in both fidelities.
        images: unclipped images for the attack's measures, float16 [K * m, C, px, px], classes in
            order, m images each; of no pixels if no measure wants any.
        gallery: best-ranked image of each class, uint8 [K, C, px, px].
        samples: every image of the classes that were asked for, uint8 [G, m, C, px, px].
    """

    features: AttackFeatures
    images: Tensor
    gallery: Tensor
    samples: Tensor


def to_stored_range(images: Tensor) -> Tensor:
    """Images in [-1, 1], clipped to it, as uint8 [0, 255]."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def _embed_batch(
    network: EvaluationNetwork, batch: Tensor, fidelity: Fidelity, classes: Tensor
) -> dict[str, Tensor]:
    """Embed one batch: "features", of classifiers "logits" too, on the CPU.

    Raises:
        MirageError: some are no finite numbers; names the classes of these images.
    """
    embedded = network.embed(network_range(batch.to(network.device)), fidelity)._asdict()
    held = {name: rows.float().cpu() for name, rows in embedded.items() if rows is not None}
    lost = ~torch.stack([finite.rows_finite(rows) for rows in held.values()]).all(dim=0)
    if lost.any():
        raise MirageError(
            f"the {network.spec.kind} evaluation network gives infinite or undefined values for "
            f"{int(lost.sum())} images of class {listed(torch.unique(classes[lost]).tolist())}",
            "finite features",
            "check its weights; for attack images, whether the attack diverged",
        )
    return held


def embed_real(
    networks: Mapping[str, EvaluationNetwork],
    views: "Mapping[str, Tensor | UnroundedImages]",
    labels: Tensor,
    batch_size: int,
    checkpoint: Checkpoint,
    precision: Precision = "fp32",
) -> RealFeatures:
    """Embed private training images in every network.

    Args:
        networks: name -> network.
        views: name of the network -> images prepared for it.
        labels: classes of the images, int64 [N].
        batch_size: images at a time.
        checkpoint: where an interrupted run resumes; ticks after each batch.
        precision: arithmetic of the networks; see ``mirage.numerics``.

    Returns:
        Features under ``corrected``, and under ``paper`` for networks that the official code
        feeds another range.

    Raises:
        MirageError: images of the wrong size, or features that are no finite numbers.
        Interrupted: the job was told to stop; the state is saved.
    """
    # Every batch there is, in a fixed order; the spool knows how many are behind us.
    batches = [
        (name, slice(first, first + batch_size))
        for name in networks
        for first in range(0, len(views[name]), batch_size)
    ]
    done = Spool(checkpoint)
    done.resume(checkpoint.load())
    device = next(network.device for network in networks.values())
    progress = Progress("embedding", len(batches), done.pieces)
    with numerics(precision, device), progress:
        for name, rows in batches[done.pieces :]:
            network, images = networks[name].at(precision), views[name][rows]
            piece = {}
            for fidelity in FIDELITIES:
                if fidelity != PAPER or network.has_paper_input:
                    embedded = _embed_batch(network, images, fidelity, labels[rows])
                    piece[f"{name}.{fidelity}"] = embedded["features"]
            done.append(piece)
            progress.advance()
            checkpoint.tick(done.mark)
    return RealFeatures(
        labels.numpy(), {name: held.numpy() for name, held in done.joined().items()}
    )


def embed_attack(
    prior: Rendering,
    networks: Mapping[str, EvaluationNetwork],
    latents: Tensor,
    classes: Tensor,
    measure_px: int | None,
    gallery_px: int,
    batch_size: int,
    device: str,
    checkpoint: Checkpoint,
    precision: Precision = "fp32",
    best: Tensor | None = None,
    sampled: Sequence[int] = (),
) -> EmbeddedAttack:
    """Synthesise every latent of an attack once and embed the image in every network.

    The official code synthesises each latent anew for every metric and for each of the student's
    75 epochs; the images are the same (constant noise, single w), so one pass serves all.

    Args:
        prior: latents to images, unclipped.
        networks: name -> network.
        latents: of each class, float32 [K, m, latent_dim].
        classes: the K attacked classes, int64, which a conditional prior renders.
        measure_px: size of the images for the attack's measures; None if they want none.
        gallery_px: image size of the gallery.
        batch_size: latents at a time.
        device: where the prior computes.
        checkpoint: where an interrupted run resumes; ticks after each batch.
        precision: arithmetic of the networks; that of the synthesis is the prior's.
        best: place of the latent that the gallery shows of each class, int64 [K]; None for the
            first.
        sampled: places, rising, of the G classes all of whose images are kept as samples.

    Returns:
        Features, images and gallery. Images are kept in half precision (rounding
        at most 1/4096 within [-1, 1], a thirtieth of a grey level), since the paper's 50,000
        images of 224 px fill 30 GB otherwise; 8-bit storage would clip them, which the official
        code does only after the random crop.

    Raises:
        MirageError: latents, which is seen before anything is rendered, or features that are no
            finite numbers; the classes are named.
        Interrupted: the job was told to stop; the state is saved.
    """
    chosen, per_class = latents.shape[:2]
    finite.require_enough(
        finite.rows_finite(latents), per_class, classes.tolist(), "selected latents"
    )
    whose = classes.repeat_interleave(per_class)
    best = torch.zeros_like(classes) if best is None else best
    in_gallery = (torch.arange(per_class) == best[:, None]).flatten()
    places = torch.arange(len(whose)) // per_class
    in_samples = torch.isin(places, torch.tensor(sampled, dtype=torch.int64))
    flat = latents.flatten(0, 1)
    sizes = {gallery_px, *(network.spec.image_px for network in networks.values())}
    sizes |= set() if measure_px is None else {measure_px}
    done = Spool(checkpoint)
    done.resume(checkpoint.load())
    start = done.pieces * batch_size
    networks = {name: network.at(precision) for name, network in networks.items()}
    progress = Progress("embedding", len(flat), start)
    with numerics(precision, device), progress:
        for first in range(start, len(flat), batch_size):
            rows = slice(first, first + batch_size)
            w, shown = flat[rows].to(device), whose[rows]
            labels = shown.to(device)
            with torch.inference_mode():
                views = prior.sizes(w, sizes, labels)
            small = views[gallery_px].cpu()
            piece = {
                "images": (w[:, :0] if measure_px is None else views[measure_px]).half().cpu(),
                "gallery": to_stored_range(small[in_gallery[rows]]),
                "samples": to_stored_range(small[in_samples[rows]]),
            }
            for (name, network), fidelity in product(networks.items(), FIDELITIES):
                images = views[network.spec.image_px]
                for kind, values in _embed_batch(network, images, fidelity, shown).items():
                    piece[f"{kind}.{name}.{fidelity}"] = values
            done.append(piece)
            progress.advance(len(w))
            checkpoint.tick(done.mark)
    whole = done.joined()
    images, gallery = whole.pop("images"), whole.pop("gallery")
    samples = whole.pop("samples").unflatten(0, (-1, per_class))
    arrays: dict[str, dict[str, Any]] = {"features": {}, "logits": {}}
    for name, tensor in whole.items():
        kind, _, source = name.partition(".")
        arrays[kind][source] = tensor.numpy().reshape(chosen, per_class, -1)
    return EmbeddedAttack(AttackFeatures(classes.numpy(), **arrays), images, gallery, samples)
