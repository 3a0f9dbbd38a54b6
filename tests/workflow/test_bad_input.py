"""Damaged files and impossible requests: one clear message, a non-zero exit, no traceback."""

import shutil

import pytest
from projects import Checkout

CELL = "orl/resnet-mini/ls0/n3/s1"
WEIGHTS = f"targets/{CELL}/weights.safetensors"
GENERATOR = "priors/orl-faces/generator.safetensors"
VIEW = "data/orl/views/square16.safetensors"


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def _spoil(path):
    path.write_text("this is no tensor file")


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "made", "rule", "then"),
    [
        (_truncate, WEIGHTS, "run_stage", f"attacks/{CELL}/ppa/candidates.safetensors"),
        (_empty, WEIGHTS, "run_stage", f"attacks/{CELL}/ppa/candidates.safetensors"),
        (_spoil, GENERATOR, "synthesise_pool", "priors/pools/few/s1-16.safetensors"),
        (_truncate, VIEW, "train_target", f"targets/{CELL}/metrics.json"),
        (_truncate, "data/orl/pixels.safetensors", "prepare_view", VIEW),
        (_spoil, "data/orl/manifest.json", "prepare_view", VIEW),
    ],
)
def test_a_damaged_file_is_named(finished, tmp_path, damage, made, rule, then):
    checkout = Checkout(tmp_path)
    # All that `made` needs is there already; only `then` is left to make.
    shutil.copytree(finished.results, checkout.results, symlinks=True, dirs_exist_ok=True)
    (checkout.results / then).unlink()
    damage(checkout.results / made)
    done = checkout.snakemake(then, "--allowed-rules", rule, check=False)
    assert done.returncode != 0
    logs = [p.read_text() for p in (checkout.results / f"logs/{rule}").rglob("*.log")]
    told = [text for text in logs if made.rsplit("/", 1)[1] in text]
    assert told, done.told[-3000:]
    assert not any("Traceback" in text for text in logs)
    assert not (checkout.results / then).exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("targets/orl/resnet-mini/ls0.10/n3/s1/metrics.json", "'ls0.10' is no part of a treatment"),
        ("targets/orl/resnet-mini/ls0/n8/s1/metrics.json", "nothing says how to train"),
        ("targets/orl/resnet-mimi/ls0/n3/s1/metrics.json", "resnet-mini"),
        ("targets/orl/resnet-mini/ls1.5/n3/s1/metrics.json", "at most 1"),
        (
            "targets/orl/resnet-mini/mid0/n3/s1/metrics.json",
            "beta is 0.0. Expected: a weight above",
        ),
        ("targets/orl/resnet-mini/mid-1/n3/s1/metrics.json", "beta is -1.0. Expected: a weight"),
        (
            "targets/orl/resnet-mini/bido0.05/n3/s1/metrics.json",
            "one of badnets, bidoLAMBDA_X_LAMBDA_Y",
        ),
        (f"attacks/{CELL}/pppa/metrics.json", "one of ppa, ppa-ce, ppa-id"),
        ("data/orl/views/square17.safetensors", "square16"),
    ],
)
def test_an_impossible_request_is_explained(asked, path, message):
    done = asked.snakemake(path, check=False)
    assert done.returncode != 0
    assert message in done.told
    assert "Traceback (most recent call last)" not in done.told


def test_a_missing_asset_says_how_to_get_it(checkout):
    done = checkout.snakemake(
        "priors/ffhq/generator.safetensors",
        "-k",
        "--config",
        "scale=paper",
        tiny=False,
        check=False,
    )
    assert done.returncode != 0
    assert "the asset ffhq-stylegan2 is missing" in done.told
    assert "assets/ffhq.pkl" in done.told
    assert "Traceback (most recent call last)" not in done.told
