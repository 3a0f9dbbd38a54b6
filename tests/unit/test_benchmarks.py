"""The benchmarks' references compute what the library does; the ratios are arithmetic."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from mirage.data.views import LabelledImages
from mirage.priors.stylegan2.generator import Generator, GeneratorConfig

from benchmarks import attack, evaluation, preparation, table, training
from benchmarks.paired import Ratio, paired, ratio_of


@pytest.fixture(scope="module")
def generator():
    config = GeneratorConfig(
        image_px=16, image_channels=1, channels=(6, 5, 4), z_dim=8, w_dim=8, mapping_layers=1
    )
    made = Generator(config, seed=3)
    for name, parameter in made.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.3)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def people():
    draws = torch.Generator().manual_seed(5)
    pixels = torch.randint(256, (12, 1, 16, 16), generator=draws, dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(4).repeat_interleave(3), 4)


def test_ratio_is_reference_over_ours_by_pairs():
    ratio = ratio_of([1.0, 2.0, 4.0], [3.0, 2.0, 20.0])
    assert ratio == Ratio(median=3.0, low=1.0, high=5.0, ours=2.0, reference=3.0)


def test_work_takes_turns_after_one_warm_up():
    calls = []
    paired(lambda: calls.append("ours"), lambda: calls.append("reference"), 2)
    assert calls == ["ours", "reference"] * 3


def test_attack_agrees(generator):
    work = attack.Work(classes=2, per_class=3, batch_size=3, steps=1, device_batch=6)
    row = attack.compare(generator, "attack", work, repetitions=1)
    assert row.agrees, row


def test_training_agrees(people):
    assert training.input_row(people, 1).agrees
    row = training.whole_row(people, epochs=1, repetitions=1)
    assert row.agrees, row


def test_preparation_agrees():
    rows = preparation.rows(people=2, each=3, repetitions=1)
    assert all(row.agrees for row in rows), rows
    assert "images/s" in rows[0].name


def test_evaluation_counts_passes_and_agrees(generator, people):
    passes, wall = evaluation.compare(generator, people, per_class=2, epochs=2, repetitions=1)
    assert passes.ratio[:1] == (5 + 2,)  # five metrics, two epochs
    assert passes.ratio.ours == 8
    assert passes.agrees
    assert wall.agrees


def test_table_tells_a_difference():
    row = table.Row("work", Ratio(2, 1, 3, 1, 2), "s", 3.0, ("images", 0.5), 1e-3)
    assert not row.agrees
    assert "DIFFERS: images 5.0e-01" in table.table([row])
