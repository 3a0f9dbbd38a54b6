"""Tests on a real SLURM cluster: opt-in, since they take minutes (``make test-slurm``)."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wanted = os.environ.get("MIRAGE_TEST_SLURM") in {"1", "full"}
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            if not wanted:
                item.add_marker(pytest.mark.skip(reason="MIRAGE_TEST_SLURM is neither 1 nor full"))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """An empty folder whose path is short enough for a cluster."""
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def short_module_folder() -> Iterator[Path]:
    """The same for all tests of a file."""
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes of one GPU each and a CPU node, shared by the tests that harm no node."""
    with (
        tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder,
        Cluster.up(f"{folder}/c") as cluster,
    ):
        yield cluster
