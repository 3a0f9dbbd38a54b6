"""A copy of the repository in which one file at a time is wrong, and its tests are run.

The tests run in forks of a process that has the heavy libraries loaded already, but nothing of
this project; so a mutant costs the time of its tests alone. The working tree is only read.
"""

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from mutants.operators import Mutant
from mutants.selection import LIBRARY

_HEAVY = (
    "pytest", "hypothesis", "numpy", "pandas", "scipy.stats", "sklearn.datasets",
    "sklearn.neighbors", "matplotlib.pyplot", "safetensors.torch", "PIL.Image", "torch",
    "torch.optim", "torchvision.transforms.v2", "torchmetrics",
)  # fmt: skip
_PATIENCE = 4, 30
"""A mutant may take this many times as long as the tests without it, and so many seconds more."""


class Verdict(NamedTuple):
    """What became of a mutant: the test that failed, or None; and the seconds it took."""

    killed_by: str | None
    seconds: float


class Workshop:
    """The copy; a context manager that removes it."""

    def __init__(self, repository: Path) -> None:
        """Copy what git knows of ``repository`` and what it does not ignore."""
        self.folder = Path(tempfile.mkdtemp(prefix="mirage-mutants-"))
        command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        listed = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            source, copy = repository / name, self.folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink() or source.is_file():
                shutil.copy2(source, copy, follow_symlinks=False)
        sys.dont_write_bytecode = True  # compiled files know seconds only, mutants come faster
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for name in _HEAVY:
            importlib.import_module(name)
        self._healthy: dict[str, float] = {}  # test file -> its share of the seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def related_tests(self, file: str) -> list[str]:
        """Test files of the module's package, its own first, and others that name the module."""
        package, *_ = Path(file).relative_to(LIBRARY).parts
        module = Path(file).relative_to(LIBRARY).with_suffix("").parts
        dotted = "mirage." + ".".join(module)
        names = re.compile(rf"\b{re.escape(dotted)}\b|import .*\b{re.escape(module[-1])}\b")
        own, others = [], []
        for path in sorted((self.folder / "tests/unit").rglob("test_*.py")):
            text = path.read_text()
            named = bool(names.search(text))
            if path.parent.name == package:
                known = (module[-1] not in path.stem, not named)
                own.append((known, str(path.relative_to(self.folder))))
            elif re.search(rf"\b{re.escape(dotted)}\b", text):
                others.append(str(path.relative_to(self.folder)))
        return [name for _, name in sorted(own)] + others

    def try_out(self, mutant: Mutant) -> Verdict:
        """Run the related tests with the mutant and, once each, without it.

        Raises:
            SystemExit: they fail without it.
        """
        tests = self.related_tests(mutant.file)
        allowed = self._allow(tests)
        path = self.folder / mutant.file
        whole = path.read_text()
        path.write_text(mutant.apply(whole))
        try:
            return self._run(tests, allowed)
        finally:
            path.write_text(whole)

    def _allow(self, tests: list[str]) -> float:
        unknown = [test for test in tests if test not in self._healthy]
        if unknown:
            healthy = self._run(unknown, 3600)
            if healthy.killed_by:
                raise SystemExit(f"without any mutant {healthy.killed_by} fails: mend that first")
            self._healthy |= dict.fromkeys(unknown, healthy.seconds / len(unknown))
        times, more = _PATIENCE
        return times * sum(self._healthy[test] for test in tests) + more

    def _run(self, tests: list[str], limit_s: float) -> Verdict:
        output, started = self.folder / "output.txt", time.monotonic()
        child = os.fork()
        if child == 0:
            _become_pytest(self.folder, tests, output)
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            seconds = time.monotonic() - started
            if ended:
                break
            if seconds > limit_s:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return Verdict("more time than it may take", seconds)
            time.sleep(0.02)
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return Verdict(None, seconds)
        text = output.read_text(errors="replace")
        if code not in (1, 2) and code >= 0:
            raise SystemExit(f"pytest ended with {code}:\n{text[-2000:]}")
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
        return Verdict(failed[0] if failed else f"a crash (status {code})", seconds)


def _become_pytest(folder: Path, tests: list[str], output: Path) -> None:
    """Run pytest in this process, which is a fork, and end it."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(target, stream)
        import pytest

        code = int(pytest.main(["-x", "--tb=no", *tests]))
        library = sys.modules.get("mirage")
        if library is not None and not str(library.__file__).startswith(str(folder)):
            print(f"the tests saw {library.__file__}, not the copy")
            code = 71
    finally:
        sys.stdout.flush()
        os._exit(code)
