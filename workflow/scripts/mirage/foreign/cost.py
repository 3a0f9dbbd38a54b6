"""What the import of published weights costs."""

from collections.abc import Mapping

from mirage.forecast.work import WEIGHTS, Work, Workshop


def import_weights(_: Workshop, __: Mapping[str, str]) -> Work:
    """The file, the network, the copy, the trial's activations."""
    return Work(outputs={"weights": WEIGHTS}, light_s=20, host_bytes=4 * WEIGHTS)


COSTS = {"import_weights": import_weights}
