"""Files follow the umask; what may not be read is told as that, by a user who is not root."""

import getpass
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from mirage.runtime import files

LIBRARY = Path(__file__).resolve().parents[3] / "workflow/scripts"


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o027, 0o077])
def test_files_and_folders_follow_the_umask(tmp_path, mask):
    from safetensors.torch import save_file

    before = os.umask(mask)
    try:
        files.save_tensors(tmp_path / "new/a.safetensors", {"a": torch.ones(1)})
        files.write_json(tmp_path / "new/b.json", {})
        with files.writing(tmp_path / "new/c.safetensors") as temporary:
            save_file({"a": torch.ones(1)}, temporary)  # puts a private file in its place
    finally:
        os.umask(before)
    for path in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask, path
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o777 & ~mask


@pytest.fixture
def as_nobody():
    """Run a line of the library as a user to whom permissions apply."""

    def run(line):
        program = f"""
            import os, sys
            sys.path.insert(0, {str(LIBRARY)!r})
            import torch, safetensors.torch, xxhash
            from mirage.errors import MirageError
            from mirage.runtime import files
            if os.getuid() == 0:  # to whom nothing is forbidden
                os.setgroups([]); os.setgid(65534); os.setuid(65534)
            try:
                {line}
            except MirageError as error:
                print(error)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _open_way(path):
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)


@pytest.mark.parametrize("reader", ["load_tensors", "read_metadata", "read_json", "checksum"])
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_what_may_not_be_read_is_not_missing(tmp_path, as_nobody, reader, closed):
    path = tmp_path / "closed/a.safetensors"
    files.save_tensors(path, {"a": torch.ones(1)})
    _open_way(tmp_path)
    barred = path if closed == "file" else path.parent
    barred.chmod(0o600)
    told = as_nobody(f"files.{reader}({str(path)!r})")
    assert f"{path} is there but cannot be read: permission denied" in told
    assert f"{barred} belongs to {getpass.getuser()}" in told
    assert ("-rw-------" if closed == "file" else "drw-------") in told
    assert "missing" not in told


def test_a_folder_that_may_not_be_written_is_named(tmp_path, as_nobody):
    _open_way(tmp_path)
    tmp_path.chmod(0o555)
    told = as_nobody(f"files.write_json({str(tmp_path / 'a.json')!r}, 1)")
    assert f"cannot write {tmp_path / 'a.json'}" in told
    assert "may not be written" in told
