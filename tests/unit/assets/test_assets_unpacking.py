"""Archives of strangers: whole ones come out, everything else is refused."""

import errno
import io
import os
import random
import tarfile
import zipfile

import assets_server as web
import pytest
from mirage.assets import unpacking
from mirage.assets.checking import Wrong
from mirage.assets.fetching import fetch, part_of
from mirage.assets.manifest import Archive, Asset, FileFacts, Member
from mirage.assets.remembered import Remembered
from mirage.assets.unpacking import unpack
from mirage.errors import MirageError

NOISE = random.Random(3).randbytes(40_000)
GOOD = {"top/a.txt": b"a", "top/deep/b.bin": NOISE}


def tar_of(path, files, mode="w:gz", *extra):
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return path


def zip_of(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_tar(tmp_path, mode):
    unpack(tar_of(tmp_path / "x", GOOD, mode), "tar", tmp_path / "out", 50_000)
    assert contents(tmp_path / "out") == GOOD


def test_zip(tmp_path):
    unpack(zip_of(tmp_path / "x", GOOD), "zip", tmp_path / "out", 50_000)
    assert contents(tmp_path / "out") == GOOD


@pytest.mark.parametrize("name", ["../out.txt", "top/../../out.txt", "/etc/out.txt", "a\\..\\b"])
@pytest.mark.parametrize("form", ["tar", "zip"])
def test_paths_that_lead_out(tmp_path, form, name):
    files = {"top/a.txt": b"a", name: b"b"}
    archive = {"tar": tar_of, "zip": zip_of}[form](tmp_path / "x", files)
    with pytest.raises(Wrong, match="leads out of it"):
        unpack(archive, form, tmp_path / "deep/out", 100)
    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize(
    "info",
    [
        special("top/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("top/link", tarfile.SYMTYPE, "a.txt"),
        special("top/link", tarfile.LNKTYPE, "top/a.txt"),
        special("top/pipe", tarfile.FIFOTYPE),
        special("top/device", tarfile.CHRTYPE),
    ],
    ids=["link out", "link in", "hard link", "pipe", "device"],
)
def test_links_and_devices(tmp_path, info):
    archive = tar_of(tmp_path / "x", GOOD, "w:gz", info)
    with pytest.raises(Wrong, match="no plain file or folder"):
        unpack(archive, "tar", tmp_path / "out", 50_000)
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


def test_a_link_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as packed:
        link = zipfile.ZipInfo("top/link")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(Wrong, match="no plain file or folder"):
        unpack(tmp_path / "x", "zip", tmp_path / "out", 100)


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_bombs(tmp_path, form):
    files = {"top/zeros": bytes(5_000_000)}
    archive = {"tar": tar_of, "zip": zip_of}[form](tmp_path / "x", files)
    assert archive.stat().st_size < 10_000
    with pytest.raises(Wrong, match="more than it may"):
        unpack(archive, form, tmp_path / "out", 1_000_000)
    assert sum(p.stat().st_size for p in (tmp_path / "out").rglob("*")) <= 1_100_000


@pytest.mark.parametrize("form", ["tar", "zip"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage"])
def test_damaged(tmp_path, form, damage):
    archive = {"tar": tar_of, "zip": zip_of}[form](tmp_path / "x", GOOD)
    content = bytearray(archive.read_bytes())
    if damage == "cut":
        content = content[:-9000]
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        content = bytearray(NOISE)
    archive.write_bytes(content)
    with pytest.raises(Wrong, match="cannot be unpacked"):
        unpack(archive, form, tmp_path / "out", 50_000)


def test_one_name_twice(tmp_path):
    double = tarfile.TarInfo("top/a.txt")
    archive = tar_of(tmp_path / "x", GOOD, "w:gz", double)
    with pytest.raises(Wrong, match="cannot be unpacked"):
        unpack(archive, "tar", tmp_path / "out", 50_000)


@pytest.mark.parametrize("files", [{"a": b"1", "a/b": b"2"}, {"a": b"1", "a/b/c": b"2"}])
@pytest.mark.parametrize("form", ["tar", "zip"])
def test_a_file_where_a_folder_belongs(tmp_path, form, files):
    archive = {"tar": tar_of, "zip": zip_of}[form](tmp_path / "x", files)
    with pytest.raises(Wrong, match="cannot be unpacked"):
        unpack(archive, form, tmp_path / "out", 50_000)


def packed(server, holds, root="top"):
    file = FileFacts(bytes=len(server.content), urls=(f"{server.url}/x.tgz",))
    archive = Archive("tar", root, 50_000, file)
    return Asset("packed", "p", "l", "assets/packed", ("m",), holds=holds, archive=archive)


@pytest.mark.parametrize(
    ("root", "holds", "message"),
    [
        ("top", (Member("a.txt", FileFacts(bytes=1)), Member("deep", files=1)), ""),
        ("other", (), "holds no folder other"),
        ("top", (Member("deep", files=2),), "1 files; expected 2"),
        ("top", (Member("lost"),), "lacks lost"),
    ],
)
def test_an_archive_becomes_a_folder(tmp_path, root, holds, message):
    place = tmp_path / "assets/packed"
    with web.serving(tar_of(tmp_path / "x", GOOD).read_bytes()) as server:
        asset = packed(server, holds, root)
        if message:
            for _ in range(2):  # the second run asks the server anew
                with pytest.raises(MirageError, match=f"{message}; it was thrown away. Try again"):
                    fetch(asset, place, Remembered())
                assert not list(place.parent.iterdir())
            assert len(server.asked) == 2
            return
        server.behaviours = [web.cut(20_000)]
        fetch(asset, place, Remembered())
    assert contents(place) == {"a.txt": b"a", "deep/b.bin": NOISE}
    assert [p.name for p in place.parent.iterdir()] == ["packed"]


def test_contents_reach_the_disk_before_the_folder_gets_its_name(tmp_path, monkeypatch):
    """No power is lost here: what was there at the moment of the flush is looked at instead."""
    place, seen = tmp_path / "assets/packed", []

    def flush():
        unpacked = place.parent / ".packed.unpacking/top"
        seen.append((contents(unpacked), place.exists(), part_of(place).exists()))

    monkeypatch.setattr(os, "sync", flush)
    with web.serving(tar_of(tmp_path / "x", GOOD).read_bytes()) as server:
        fetch(packed(server, ()), place, Remembered())
    assert seen == [(contents(place), False, True)]


def test_a_damaged_archive_is_fetched_again(tmp_path):
    place = tmp_path / "assets/packed"
    good = tar_of(tmp_path / "x", GOOD).read_bytes()
    with web.serving(good[:20_000] + bytes(len(good) - 20_000)) as server:
        with pytest.raises(MirageError, match=r"cannot be unpacked .*thrown away\. Try again"):
            fetch(packed(server, ()), place, Remembered())
        server.content = good
        fetch(packed(server, ()), place, Remembered())
    assert contents(place) == {"a.txt": b"a", "deep/b.bin": NOISE}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO])
def test_a_disk_that_fails_is_no_damaged_archive(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    place = tmp_path / "assets/packed"
    with web.serving(tar_of(tmp_path / "x", GOOD).read_bytes()) as server:
        with monkeypatch.context() as patch:
            patch.setattr(unpacking, "_write", fail)
            with pytest.raises(MirageError, match=os.strerror(number)) as told:
                fetch(packed(server, ()), place, Remembered())
        assert "cannot be unpacked" not in str(told.value)
        assert "the same command goes on" in str(told.value)
        assert part_of(place).read_bytes() == server.content
        fetch(packed(server, ()), place, Remembered())
        assert len(server.asked) == 1
    assert contents(place) == {"a.txt": b"a", "deep/b.bin": NOISE}
