"""What the embedding measure costs."""

from mirage.evaluation.measures.embeddings.recipe import BLOCK, EmbeddingsRecipe
from mirage.forecast import units
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Target

_TSNE_S = 0.014
"""Seconds on one core of t-SNE for each image shown, in 1,000 iterations (measured)."""


def cost(shop: Workshop, target: Target) -> Work:
    """Every training image classified once; all pairs of them; t-SNE of some."""
    study = shop.study
    settings = study.measure("embeddings", target.dataset)
    recipe = EmbeddingsRecipe.of(settings)
    count, classes = shop.images(target.dataset).train, study.classes(target.dataset)
    shown = count * min(recipe.classes, classes) / classes
    width = shop.feature_width.get(target.architecture, 2048)
    judge = units.classify(
        study, target.dataset, target.architecture, shop.batches.forward, settings
    )
    view = study.architecture(target.architecture)["view"]
    return Work(
        calls=((judge, float(count)),),
        outputs={"arrays": count * 5 * LONG + shown * 2 * LONG},
        light_s=1 + shown * _TSNE_S * recipe.iterations / 1000,
        flops=2.0 * width * (count**2 + 2 * shown**2),
        host_bytes=shop.view_bytes(target.dataset, view, count)
        + count * width * (2 * FLOAT + 2 * LONG)
        + 3 * BLOCK * count * LONG
        + shop.weigh(judge),
        device_bytes=count * width * 2 * LONG + 2 * BLOCK * count * LONG,
    )


COST = cost
