"""What every test starts and ends with, and which tests may run beside one another."""

import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from mirage.runtime import signals
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# How fast a machine draws its examples says nothing about the code.
settings.register_profile(
    "any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell's background jobs ignore SIGINT and hand that on to whatever a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


_ALONE = {
    f"tests/workflow/test_{name}.py"
    for name in (
        "assets", "console", "environments", "extending", "impossible_input", "lowres", "places",
        "plan", "published_data", "released_weights", "repeating", "setup", "swaps", "unchanged",
    )
}  # fmt: skip
"""Tests that plan, or run short jobs one after the other, each in a folder of its own.

Not those that begin with the finished tiny study, which each worker would run again.
"""


class OneMachine(LoadScopeScheduling):
    """Files of these and of unit tests go to whichever worker is free; all else to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith("tests/unit/") or file in _ALONE else "the machine"


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
