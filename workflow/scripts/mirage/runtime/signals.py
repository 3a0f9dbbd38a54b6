"""Being told to stop: SIGTERM (a cluster's warning) and SIGINT (Ctrl-C) set a flag.

Work that keeps state looks at the flag between two steps, saves and leaves; a second signal ends
the job at once.
"""

import signal
import threading
from types import FrameType

_stop = False


def stop_requested() -> bool:
    """Say whether this job was told to stop."""
    return _stop


def listen() -> None:
    """From now on SIGTERM and SIGINT ask for a stop instead of ending the process.

    Only work that keeps state calls this, since only such work can leave in good order.
    """
    if threading.current_thread() is not threading.main_thread():
        return  # Python takes signals in the main thread alone
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask)


def _ask(number: int, _: FrameType | None) -> None:
    global _stop
    if _stop:
        raise KeyboardInterrupt
    _stop = True
