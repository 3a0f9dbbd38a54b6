"""An attack whose steps are compiled: one job makes the code, the next ones take it over."""

import json
import os
import shutil

import pytest

CELL = "orl/resnet-mini/ls0/n3/s1"
ASKED = f"attacks/{CELL}/ppa/selected.safetensors"


def _optimised(checkout, mode):
    """Records and logs of both chunks of classes, in the order in which they ended."""
    shutil.rmtree(checkout.results / f"attacks/{CELL}", ignore_errors=True)
    checkout.snakemake(ASKED, "--cores", "1", "--config", f"compile={{optimise: {mode}}}")
    place = f"run_stage/{CELL}/ppa/optimised"
    jobs = sorted(
        (checkout.results / "jobs" / place).glob("*.json"), key=lambda path: path.stat().st_mtime
    )
    logs = [(checkout.results / "logs" / place / f"{path.stem}.log").read_text() for path in jobs]
    return [json.loads(path.read_text()) for path in jobs], logs


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="no C++ compiler")
def test_code_is_made_once_and_records_say_who_used_it(checkout):
    records, logs = _optimised(checkout, "on")
    assert [record["figures"]["compiled"] for record in records] == [1, 1]
    assert ["compiled code of an earlier job" in log for log in logs] == [False, True]
    assert all("compiling the steps for batches of 4" in log for log in logs)
    assert len(list((checkout.results / "compiled").glob("*.tar"))) == 1

    plain, told = _optimised(checkout, "off")
    assert [record["figures"]["compiled"] for record in plain] == [0, 0]
    assert not any("compil" in log.replace("compiled 0", "") for log in told)
    first = [
        {str(record["params"]["classes"]): record["figures"]["first loss"] for record in some}
        for some in (records, plain)
    ]
    assert first[0] == pytest.approx(first[1], rel=1e-5)
