"""Checkouts for the tests of the workflow."""

import pytest
from projects import Checkout


@pytest.fixture
def checkout(tmp_path):
    """A fresh checkout without results."""
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A checkout that the tests of a file share: what they ask for leaves nothing another minds."""
    return Checkout(tmp_path_factory.mktemp("asked"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A checkout in which the whole tiny study has been run once."""
    checkout = Checkout(tmp_path_factory.mktemp("finished"))
    checkout.first = checkout.snakemake()
    return checkout
