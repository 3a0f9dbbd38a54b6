"""What every test starts and ends with, and which tests may run beside one another."""

import signal
from typing import Any

import pytest
from mirage.runtime import signals
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class OneMachine(LoadScopeScheduling):
    """Files of unit tests go to whichever worker is free; all that uses the machine to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith("tests/unit/") else "the machine"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """How tests are dealt to workers, where there are any (pytest -n 2)."""
    return OneMachine(config, log)


@pytest.fixture(autouse=True)
def own_signal_handlers():
    """Checkpoints listen to SIGTERM and SIGINT; the test runner's own handlers come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals._stop = False
