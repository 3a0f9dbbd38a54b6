"""What the backdoor measure costs."""

from mirage.evaluation.measures.backdoor.recipe import BackdoorRecipe
from mirage.forecast import units
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Target

_COPIES = 4
"""Of a batch in [0, 1]: image, weighed image, weighed pattern, their sum."""


def cost(shop: Workshop, target: Target) -> Work:
    """Every test image classified untouched and with each trigger."""
    study = shop.study
    settings = study.measure("backdoor", target.dataset)
    passes, count = 1 + len(BackdoorRecipe.of(settings).triggers), shop.images(target.dataset).test
    judge = units.classify(
        study, target.dataset, target.architecture, shop.batches.forward, settings
    )
    view = study.architecture(target.architecture)["view"]
    batch = FLOAT * judge.batch * shop.image_bytes(target.dataset, study.image_px(target))
    return Work(
        calls=((judge, float(passes * count)),),
        outputs={"arrays": (1 + passes) * count * LONG},
        host_bytes=shop.view_bytes(target.dataset, view, count) + shop.weigh(judge),
        device_bytes=_COPIES * batch,
    )


COST = cost
