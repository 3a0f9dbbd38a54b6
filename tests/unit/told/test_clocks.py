"""Dates in the future against the dates that Snakemake itself compares, on real files."""

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.io import IOFile

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clocks(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "workflow/cluster"))
    monkeypatch.chdir(tmp_path)
    import clocks

    return clocks


def plan(*jobs):
    made = [SimpleNamespace(input=i, output=o) for i, o in jobs]
    return SimpleNamespace(needrun_jobs=lambda: made)


def dated(path, ahead, **follow):
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        path.write_text("x")
    os.utime(path, (time.time() + ahead,) * 2, **follow)
    return str(path)


def test_files_dates_and_cures_are_named(clocks, tmp_path):
    dag = plan(([dated("fine", -5), dated("late", 3600)], ["out"]), ([dated("later", 90000)], []))
    with pytest.raises(clocks.Refused) as caught:
        clocks.refuse_dates_ahead(dag, tmp_path, print)
    told = str(caught.value)
    day = time.strftime("%Y-%m-%d", time.localtime(time.time() + 90000))
    assert f"later ({day} " in told
    assert told.index("later (") < told.index("late (")
    assert "fine" not in told
    assert "touch" in told
    dated("late", 0)
    dated("later", 0)
    clocks.refuse_dates_ahead(dag, tmp_path, print)


def test_what_the_run_makes_itself_or_misses_is_no_matter(clocks, tmp_path):
    dag = plan(([], ["made"]), ([dated("made", 3600), "missing"], ["end"]))
    clocks.refuse_dates_ahead(dag, tmp_path, print)


def test_a_few_seconds_are_waited_for(clocks, tmp_path, monkeypatch):
    told, slept = [], []
    monkeypatch.setattr(clocks.time, "sleep", slept.append)
    clocks.refuse_dates_ahead(plan(([dated("soon", 6)], [])), tmp_path, told.append)
    assert 4 < slept[0] <= 6
    assert "soon" in told[0]


def test_links_and_folders_are_dated_as_snakemake_dates_them(clocks, tmp_path):
    dated("old", -5000)
    dated("new", 5000)
    Path("old link").symlink_to("old")
    dated("old link", 4000, follow_symlinks=False)
    Path("new link").symlink_to("new")
    Path("folder").mkdir()
    dated("folder", 3000)
    Path("stamped").mkdir()
    dated("stamped/.snakemake_timestamp", -100)
    dated("stamped", 3000)
    Path("nowhere").symlink_to("nothing")
    names = ["old", "new", "old link", "new link", "folder", "stamped"]
    seen = {}
    for name in names:
        mtime = asyncio.run(IOFile(name).mtime_uncached())
        seen[name] = max(mtime.local(), mtime.local(follow_symlinks=True))
    found = clocks.latest_dates([*names, "nowhere", "missing"])
    # Of a stamped folder Snakemake sees the stamp alone.
    assert found.pop("stamped") >= seen.pop("stamped")
    assert found == seen


def test_the_list_is_capped(clocks, tmp_path):
    names = [dated(f"f{n}", 5000 + n) for n in range(30)]
    with pytest.raises(clocks.Refused, match="and 20 more"):
        clocks.refuse_dates_ahead(plan((names, [])), tmp_path, print)


def test_a_date_beyond_the_calendar_is_told(clocks):
    assert clocks._date(1e15) == "1000000000000000 s after 1970"


def test_the_disks_clock_counts(clocks, tmp_path):
    assert abs(clocks.disk_time(tmp_path) - time.time()) < 5
    assert not list(tmp_path.iterdir())
    assert abs(clocks.disk_time(tmp_path / "nowhere") - time.time()) < 5
