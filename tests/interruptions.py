"""Work that is told to stop in the middle, for tests of resumption."""

from mirage.errors import Interrupted
from mirage.runtime.checkpoint import Checkpoint


class StopAfter(Checkpoint):
    """Saves and stops at the n-th tick, as a signal would make it."""

    def __init__(self, path, ticks, identity=None):
        super().__init__(path, {} if identity is None else identity, every_s=1e9)
        self.left = ticks

    def tick(self, state):
        self.left -= 1
        if self.left == 0:
            self.save(state())
            raise Interrupted
