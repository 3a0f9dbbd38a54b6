"""The ways the profile can ask for a GPU: each is one GPU for SLURM, whatever the words."""

import pytest
from cluster import Cluster
from one_job import POOL, start
from projects import Checkout
from watching import Watch

AS_SHIPPED = "&gpu {slurm_partition: gpu}"


@pytest.fixture(scope="module")
def typed(short_module_folder):
    """A node with two GPUs of a named type."""
    with Cluster.up(
        short_module_folder / "c",
        **{"gpu_nodes": 1, "gpus_per_node": 2, "gpu_type": "a100", "gpu_mem": 100_000},
    ) as cluster:
        yield cluster


@pytest.mark.parametrize(
    ("request_gpu", "gres"),
    [
        ("", "gres:gpu:1"),
        (", gpu_model: a100", "gres:gpu:a100:1"),
        (', gpu: 0, gres: "gpu:1"', "gres:gpu:1"),
        (', gpu: 0, gres: "gpu:a100:1"', "gres:gpu:a100:1"),
    ],
)
def test_each_dialect_of_the_profile_gets_one_gpu(typed, short_folder, request_gpu, gres):
    checkout = Checkout(short_folder)
    profile = short_folder / "profiles/slurm/config.yaml"
    text = profile.read_text()
    assert text.count(AS_SHIPPED) == 1
    profile.write_text(text.replace(AS_SHIPPED, AS_SHIPPED[:-1] + request_gpu + "}"))
    with Watch(typed) as watch:
        run = start(checkout, typed)
        told, _ = run.communicate(timeout=300)
    assert run.returncode == 0, told
    job = max(watch.jobs.values(), key=lambda job: job.id)
    assert (job.partition, job.gres, job.gpus) == ("gpu", gres, 1)
    assert (short_folder / "results/demo" / POOL).exists()
