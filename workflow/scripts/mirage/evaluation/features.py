"""Embed images once: every metric of an attack comes from these features."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from mirage import finite
from mirage.errors import MirageError
from mirage.evaluation.fidelity import FIDELITIES, PAPER, Fidelity
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.stored import AttackFeatures, RealFeatures
from mirage.numerics import numerics
from mirage.recipes import Precision
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.progress import Progress
from mirage.runtime.spool import Spool
from mirage.targets.images import network_range


class Renderer(Protocol):
    """What is asked of the prior: ``mirage.priors.pipeline.ImagePipeline`` offers it."""

    def sizes(self, w: Tensor, sizes: Iterable[int]) -> dict[int, Tensor]:
        """Render latents [N, w_dim] once and resize that one image to each size."""


class ImageRows(Protocol):
    """Images [N, C, px, px] by slices, uint8 or float in [-1, 1]: a tensor, or made when asked."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some of them."""


class EmbeddedAttack(NamedTuple):
    """What one synthesis of an attack's latents yields.

    Attributes:
        features: features and logits of every network in both fidelities.
        images: unclipped images for the attack's measures, float16 [K * m, C, px, px], classes in
            order, m images each; of no pixels if no measure wants any.
        gallery: best-ranked image of each class, uint8 [K, C, px, px].
    """

    features: AttackFeatures
    images: Tensor
    gallery: Tensor


def to_stored_range(images: Tensor) -> Tensor:
    """Images in [-1, 1], clipped to it, as uint8 [0, 255]."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def _embed_batch(
    network: EvaluationNetwork, batch: Tensor, fidelity: Fidelity, classes: Tensor | None = None
) -> Embedded:
    """Embed one batch; ``classes`` of its images, int64 [N], to name those that fail."""
    features, logits = network.embed(network_range(batch.to(network.device)), fidelity)
    embedded = Embedded(features.float().cpu(), None if logits is None else logits.float().cpu())
    _require_finite(embedded, network, classes)
    return embedded


def _require_finite(embedded: Embedded, network: EvaluationNetwork, classes: Tensor | None) -> None:
    held = [values for values in embedded if values is not None]
    lost = ~torch.stack([finite.rows_finite(values) for values in held]).all(dim=0)
    if lost.any():
        whose = ""
        if classes is not None:
            whose = f" of class {', '.join(map(str, torch.unique(classes[lost]).tolist()))}"
        raise MirageError(
            f"the {network.spec.kind} evaluation network gives infinite or undefined values for "
            f"{int(lost.sum())} images{whose}",
            "finite features",
            "check its weights; for attack images, whether the attack diverged",
        )


def embed_real(
    networks: Mapping[str, EvaluationNetwork],
    views: Mapping[str, ImageRows],
    labels: Tensor,
    batch_size: int,
    checkpoint: Checkpoint,
    precision: Precision = "fp32",
    label: str = "embedding",
) -> RealFeatures:
    """Embed private training images in every network.

    Args:
        networks: name -> network.
        views: name of the network -> images prepared for it.
        labels: classes of the images, int64 [N].
        batch_size: images at a time.
        checkpoint: where an interrupted run resumes; ticks after each batch.
        precision: arithmetic of the networks; see ``mirage.numerics``.
        label: how progress is named.

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
    with (
        numerics(precision, device_of(networks)),
        Progress(label, len(batches), done.pieces) as progress,
    ):
        for name, rows in batches[done.pieces :]:
            network, images = networks[name].at(precision), views[name][rows]
            done.append(
                {
                    f"{name}.{fidelity}": _embed_batch(
                        network, images, fidelity, labels[rows]
                    ).features
                    for fidelity in FIDELITIES
                    if fidelity != PAPER or network.has_paper_input
                }
            )
            progress.advance()
            checkpoint.tick(done.mark)
    return RealFeatures(
        labels.numpy(), {name: held.numpy() for name, held in done.joined().items()}
    )


def device_of(networks: Mapping[str, EvaluationNetwork]) -> str:
    """Where networks that were loaded together compute."""
    return next(network.device for network in networks.values())


def embed_attack(
    pipeline: Renderer,
    networks: Mapping[str, EvaluationNetwork],
    latents: Tensor,
    classes: Tensor,
    measure_px: int | None,
    gallery_px: int,
    batch_size: int,
    device: str,
    checkpoint: Checkpoint,
    precision: Precision = "fp32",
    label: str = "embedding",
) -> EmbeddedAttack:
    """Synthesise every selected latent once and embed the image in every network.

    The official code synthesises each latent anew for every metric and for each of the student's
    75 epochs; the images are the same (constant noise, single w), so one pass serves all.

    Args:
        pipeline: latents to images, unclipped.
        networks: name -> network.
        latents: selected latents, float32 [K, m, w_dim], best first.
        classes: the K attacked classes, int64.
        measure_px: size of the images for the attack's measures; None if they want none.
        gallery_px: image size of the gallery.
        batch_size: latents at a time.
        device: where the prior computes.
        checkpoint: where an interrupted run resumes; ticks after each batch.
        precision: arithmetic of the networks; that of the synthesis is the pipeline's.
        label: how progress is named.

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
    flat = latents.flatten(0, 1)
    sizes = {gallery_px, *(network.spec.image_px for network in networks.values())}
    sizes |= set() if measure_px is None else {measure_px}
    state = checkpoint.load()
    rows = Spool(checkpoint)
    start = int(state["done"]) if state is not None and rows.resume(state) else 0
    networks = {name: network.at(precision) for name, network in networks.items()}
    with numerics(precision, device), Progress(label, len(flat), start) as progress:
        for first in range(start, len(flat), batch_size):
            w = flat[first : first + batch_size].to(device)
            with torch.inference_mode():
                views = pipeline.sizes(w, sizes)
            best = torch.arange(first, first + len(w)) % per_class == 0
            rows.append(
                {
                    "images": (w[:, :0] if measure_px is None else views[measure_px]).half().cpu(),
                    "gallery": to_stored_range(views[gallery_px].cpu()[best]),
                    **_embed_views(networks, views, whose[first : first + len(w)]),
                }
            )
            progress.advance(len(w))
            checkpoint.tick(lambda: {"done": torch.tensor(progress.done), **rows.mark()})
    whole = rows.joined()
    arrays = {
        kind: {
            name.removeprefix(f"{kind}."): tensor.numpy().reshape(chosen, per_class, -1)
            for name, tensor in whole.items()
            if name.startswith(f"{kind}.")
        }
        for kind in ("features", "logits")
    }
    return EmbeddedAttack(
        AttackFeatures(classes.numpy(), arrays["features"], arrays["logits"]),
        whole["images"],
        whole["gallery"],
    )


def _embed_views(
    networks: Mapping[str, EvaluationNetwork], views: Mapping[int, Tensor], classes: Tensor
) -> dict[str, Tensor]:
    """Embed one rendered batch everywhere: "features.network.fidelity" -> rows on the CPU."""
    outputs = {}
    for name, network in networks.items():
        images = views[network.spec.image_px]
        for fidelity in FIDELITIES:
            embedded = _embed_batch(network, images, fidelity, classes)
            outputs[f"features.{name}.{fidelity}"] = embedded.features
            if embedded.logits is not None:
                outputs[f"logits.{name}.{fidelity}"] = embedded.logits
    return outputs
