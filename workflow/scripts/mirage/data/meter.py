"""How fast photographs are prepared, and what of the time goes into them."""

import time


class Meter:
    """Counts images and the processor time spent on decoding and resizing them.

    Processor time, not wall time: a machine shared with others shows the same shares.
    """

    def __init__(self) -> None:
        """Start counting now."""
        self.images = 0
        self._work_s = 0.0
        self._wall, self._processor = time.monotonic(), time.process_time()

    def add(self, work_s: float) -> None:
        """Count one image more, and the processor seconds its decoding and resizing took."""
        self.images += 1
        self._work_s += work_s

    def figures(self) -> dict[str, float]:
        """Figures so far.

        Returns:
            ``images_per_s`` of wall time, and ``outside_share``: share of this process's time
            on the processors that was not decoding or resizing; in [0, 1].
        """
        wall = max(time.monotonic() - self._wall, 1e-9)
        processor = max(time.process_time() - self._processor, 1e-9)
        return {
            "images_per_s": round(self.images / wall, 1),
            "outside_share": round(max(0.0, 1 - self._work_s / processor), 4),
        }
