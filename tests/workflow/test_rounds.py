"""The controller looks for jobs when one has ended, not all the time."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from projects import ROOT

CLUSTER = ROOT / "workflow/cluster"
JOBS = 25
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(CLUSTER)!r})
import rounds
from snakemake.scheduling.job_scheduler import JobScheduler

rounds.only_with_reason()
select = JobScheduler.job_selector

def counted(scheduler, jobs):
    with open("rounds", "a") as file:
        file.write("x")
    return select(scheduler, jobs)

JobScheduler.job_selector = counted

rule all:
    input: [f"made/{{i}}" for i in range({JOBS})]
rule make:
    output: touch("made/{{i}}")
    shell: "sleep 0.3"
"""


def test_as_many_rounds_as_events(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-P", "-m", "snakemake", "-c2", "--scheduler", "greedy"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    # One at the start, and at most two for every job's end: when it is told, and when it is freed.
    assert JOBS / 2 <= len((tmp_path / "rounds").read_text()) <= 1 + 2 * JOBS


@pytest.fixture
def look_again(monkeypatch):
    monkeypatch.syspath_prepend(CLUSTER)
    import rounds

    def delays(free, delay, limited=True):
        """Timers set after a round that left so many free starts in this second."""
        found = []
        monkeypatch.setattr(rounds, "_set_timer", lambda scheduler, later: found.append(later))
        limiter = SimpleNamespace(timespan=1, get_free_jobs=lambda: free) if limited else None
        rounds._look_again(SimpleNamespace(job_rate_limiter=limiter), delay)
        return found

    return delays


def test_only_a_limit_that_holds_jobs_back_makes_another_round(look_again):
    assert look_again(free=40, delay=1) == []
    assert look_again(free=0, delay=1) == [1]
    assert look_again(free=40, delay=10) == look_again(free=0, delay=10, limited=False) == [10]
