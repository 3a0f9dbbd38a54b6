"""Being told to stop: SIGTERM (a cluster's warning) and SIGINT (Ctrl-C) set a flag.

Work that keeps state looks at the flag between two steps, saves and leaves. A second SIGINT ends
the job at once; a second SIGTERM changes nothing, since SLURM sends it more than once (from the
step and through srun) while the state is being saved.
"""

import signal
import threading
from types import FrameType

_stop = False


def stop_requested() -> bool:
    """Say whether this job was told to stop."""
    return _stop


def request_stop() -> None:
    """Ask this job to stop at its next step, as a signal would."""
    global _stop
    _stop = True


def listen() -> None:
    """From now on SIGTERM and SIGINT ask for a stop instead of ending the process.

    Only work that keeps state calls this, since only such work can leave in good order.
    """
    if threading.current_thread() is not threading.main_thread():
        return  # Python takes signals in the main thread alone
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask)


def _ask(number: int, _: FrameType | None) -> None:
    if _stop and number == signal.SIGINT:
        raise KeyboardInterrupt
    request_stop()
