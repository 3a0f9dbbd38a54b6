"""The ways the profile can ask for a GPU: each is one GPU for SLURM, whatever the words."""

import pytest
from cluster import Cluster
from one_job import POOL, start
from projects import Checkout
from watching import Watch

AS_SHIPPED = "&gpu {slurm_partition: gpu}"


REQUESTS = {
    "": "gres:gpu:1",
    ", gpu_model: a100": "gres:gpu:a100:1",
    ', gpu: 0, gres: "gpu:1"': "gres:gpu:1",
    ', gpu: 0, gres: "gpu:a100:1"': "gres:gpu:a100:1",
}
"""What is added to the profile's line -> what SLURM is asked for."""


def _asking(folder, request_gpu):
    """A checkout whose profile asks for a GPU in such words."""
    folder.mkdir()
    checkout = Checkout(folder)
    profile = folder / "profiles/slurm/config.yaml"
    text = profile.read_text()
    assert text.count(AS_SHIPPED) == 1
    profile.write_text(text.replace(AS_SHIPPED, AS_SHIPPED[:-1] + request_gpu + "}"))
    return checkout


@pytest.fixture(scope="module")
def runs(short_module_folder):
    """All at once, since each waits most of its time, on a node with two GPUs of a named type.

    Request -> its checkout, words and status; and every job that was seen.
    """
    checkouts = {
        request_gpu: _asking(short_module_folder / str(place), request_gpu)
        for place, request_gpu in enumerate(REQUESTS)
    }
    settings = {"gpu_nodes": 1, "gpus_per_node": 2, "gpu_type": "a100", "gpu_mem": 100_000}
    with Cluster.up(short_module_folder / "c", **settings) as cluster, Watch(cluster) as watch:
        started = {
            request_gpu: start(checkout, cluster) for request_gpu, checkout in checkouts.items()
        }
        ended = {
            request_gpu: (checkouts[request_gpu], run.communicate(timeout=300)[0], run.returncode)
            for request_gpu, run in started.items()
        }
    return ended, watch.jobs.values()


@pytest.mark.parametrize(("request_gpu", "gres"), REQUESTS.items())
def test_each_dialect_of_the_profile_gets_one_gpu(runs, request_gpu, gres):
    ended, jobs = runs
    checkout, told, status = ended[request_gpu]
    assert status == 0, told
    (job,) = (job for job in jobs if job.log.startswith(f"{checkout.folder}/"))
    assert (job.partition, job.gres, job.gpus) == ("gpu", gres, 1)
    assert (checkout.folder / "results/demo" / POOL).exists()
