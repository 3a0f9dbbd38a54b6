"""What checking a file's digest costs: a share of reading it from the system's memory."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

BYTES, ROUNDS = 512 << 20, 7


def main(_: list[str]) -> int:
    """Print the ratio of checking to reading, measured by turns."""
    import torch
    from mirage.runtime import files, integrity

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "view.safetensors"
        pixels = torch.randint(0, 255, (BYTES,), dtype=torch.uint8)
        files.save_tensors(path, {"pixels": pixels})
        ratios = []
        for _ in range(ROUNDS):
            integrity.forget()
            checking = _seconds(lambda: integrity.check(path))
            reading = _seconds(lambda: files.load_tensors(path)["pixels"].clone())
            ratios.append(checking / reading)
    low, middle, high = min(ratios), median(ratios), max(ratios)
    print(f"checking / reading {BYTES >> 20} MiB: {middle:.2f} ({low:.2f}..{high:.2f})")
    return 0


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
