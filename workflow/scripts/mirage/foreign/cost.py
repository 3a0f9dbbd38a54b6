"""What the import of published weights costs: the file, the network, the copy, its trial."""

from mirage.forecast.work import WEIGHTS, Work, always

COSTS = {
    "import_weights": always(
        Work(outputs={"weights": WEIGHTS}, light_s=20, host_bytes=4 * WEIGHTS)
    ),
}
