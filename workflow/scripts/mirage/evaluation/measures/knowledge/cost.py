"""What the knowledge measure costs."""

from mirage.evaluation.recipe import KnowledgeRecipe
from mirage.forecast import units
from mirage.forecast.units import Unit
from mirage.forecast.work import HALF, Work, Workshop
from mirage.study.cells import Attack
from mirage.study.stages import Stages
from mirage.study.study import Study


def cost(shop: Workshop, attack: Attack) -> Work:
    """A student trained on the attack's images, then tested on the real ones."""
    study, name = shop.study, attack.target.dataset
    recipe = KnowledgeRecipe.of(study.measure("knowledge", name))
    view = study.architecture(recipe.architecture)["view"]
    count = Stages(study, attack).images
    judge = units.classify(study, name, recipe.architecture, shop.batches.forward)
    images = count * HALF * shop.image_bytes(name, recipe.image_px)
    weights = shop.weigh(judge)
    return Work(
        calls=(
            (student_step(study, name), float(recipe.epochs * count)),
            (judge, float(count + shop.images(name).total)),
        ),
        host_bytes=2 * images + 2 * shop.view_bytes(name, view) + 4 * weights,
        device_bytes=images,
        state_bytes=2 * weights,  # weights and SGD's momentum
    )


def student_step(study: Study, dataset: str) -> Unit:
    """One image of a training step of the surrogate student."""
    recipe = study.measure("knowledge", dataset)
    batch = KnowledgeRecipe.of(recipe).batch_size
    settings = {
        **units.classifier(study, dataset, recipe["architecture"]),
        "batch_size": batch,
        **units.precision(recipe),
        "recipe": dict(recipe),
    }
    name = units.classifier_name(settings)
    # Batch norm wants two images.
    return units.make("student", name, batch, settings, ("recipe", "batch_size"), None, least=2)


COST = cost
