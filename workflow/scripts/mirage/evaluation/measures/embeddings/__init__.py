"""Embeddings: how the training images of each person lie in a target's feature space.

A measure of targets: features are the input of the last linear layer, for the whole training split,
as at test time, without augmentation. They are not kept: one pass serves Figures 4 and 5.

Source: paper 4.3, Figures 4 and 5. No code is published.
"""

from typing import TYPE_CHECKING, Any

from mirage.evaluation.measure import Measured, TargetCase, TargetMeasure
from mirage.evaluation.measures.embeddings.recipe import EmbeddingsRecipe
from mirage.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from mirage.data.views import View


def _run(case: TargetCase) -> Measured:
    import torch

    from mirage.data.views import View
    from mirage.evaluation.measures.embeddings import layout
    from mirage.evaluation.measures.embeddings.neighbours import neighbours

    recipe = EmbeddingsRecipe.of(case.settings)
    view = View(case.inputs["view"], case.seed)
    labels = view.labels[view.train]
    features = _features(case, recipe, view)
    rows = layout.shown_rows(labels.numpy(), case.classes, recipe.classes)
    shown, whose = features[rows].numpy(), labels[rows].numpy()
    found = neighbours(features, labels, case.device)
    distances = dict(zip(found._fields[:-1], found[:-1], strict=True))
    means = {name: values.nanmean().item() for name, values in distances.items()}
    metrics = {
        "images": len(labels),
        "alone": int(found.own_mean.isnan().sum()),
        "largest": found.largest,
        **means,
        "own_to_other": means["own_mean"] / means["other_mean"],
        "nearest_other_scaled": means["other_nearest"] / found.largest,
        "nearest_to_other": means["other_nearest"] / means["other_mean"],
        "shown": len(rows),
        **layout.separation(shown, whose, recipe.neighbours),
    }
    arrays = {
        "labels": labels,
        **distances,
        "shown.labels": labels[rows],
        "shown.layout": torch.from_numpy(layout.layout(shown, recipe)),
    }
    return Measured(metrics, arrays)


def _features(case: TargetCase, recipe: EmbeddingsRecipe, view: "View") -> "Tensor":
    """Penultimate activations of all training images, float32 [N, D] on the CPU.

    Raises:
        MirageError: some are no finite numbers.
    """
    import torch

    from mirage.errors import MirageError
    from mirage.finite import rows_finite
    from mirage.numerics import at_precision, numerics
    from mirage.runtime.progress import Progress
    from mirage.targets.images import network_range
    from mirage.targets.weights import load_classifier

    model = at_precision(load_classifier(case.inputs["weights"], case.device), recipe.precision)
    parts = []
    progress = Progress("embedding", len(view.train))
    with numerics(recipe.precision, case.device), torch.inference_mode(), progress:
        for rows in torch.split(view.train, case.batch):
            images = network_range(view.pixels[rows].to(case.device))
            parts.append(model.features(images).float().cpu())
            progress.advance(len(rows))
    features = torch.cat(parts)
    lost = int((~rows_finite(features)).sum())
    if lost:
        raise MirageError(f"features of {lost} training images are no finite numbers")
    return features


COSTS: Registry[Any] = Registry(__name__, "COST")

MEASURE = TargetMeasure(EmbeddingsRecipe, ("weights", "view"), _run, COSTS)
