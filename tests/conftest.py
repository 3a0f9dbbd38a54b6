"""What every test starts and ends with."""

import signal

import pytest
from mirage.runtime import signals


@pytest.fixture(autouse=True)
def own_signal_handlers():
    """Checkpoints listen to SIGTERM and SIGINT; the test runner's own handlers come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals._stop = False
