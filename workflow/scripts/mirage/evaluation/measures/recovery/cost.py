"""What the measure of recovery costs."""

from mirage.evaluation.fidelity import FIDELITIES
from mirage.forecast.work import LONG, Work, Workshop
from mirage.study.cells import Attack
from mirage.study.stages import Stages


def cost(shop: Workshop, attack: Attack) -> Work:
    """Covariances of both sides in two networks, and distances within a class."""
    name = attack.target.dataset
    width = shop.width(name, "fid") if "fid" in shop.study.roles(name) else 0
    fakes, reals = Stages(shop.study, attack).images, shop.images(name).train
    features = (fakes + reals) * shop.feature_bytes(name, len(FIDELITIES))
    flops = float(len(FIDELITIES) * (2 * (fakes + reals) * width**2 + 60 * width**3))
    flops += 4 * fakes * reals / shop.study.classes(name) * shop.feature_bytes(name, 1)
    return Work(light_s=0.3, flops=flops, host_bytes=features + 4 * LONG * (fakes + reals) * width)


COST = cost
