"""The benchmarks' references compute what the library does; the ratios are arithmetic."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from mirage.attacks.compiled import UNCOMPILED
from mirage.data.views import LabelledImages
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.study.study import Study
from mirage.study.treatment import Treatment
from mirage.targets.architectures import build

from benchmarks import (
    attack,
    compiled,
    defenses,
    evaluation,
    feed,
    gans,
    gradients,
    neighbours,
    paper_scale,
    precision,
    preparation,
    repulsion,
    scoring,
    step,
    table,
    training,
)
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


def test_distances_of_all_images_agree(capsys):
    assert neighbours.main(["--images", "300", "--width", "8", "--classes", "5"]) == 0
    assert "| 300 × 8, blocks of 1,024, cpu |" in capsys.readouterr().out
    features, labels = neighbours.people(300, 8, 5)
    assert neighbours.check(features, labels, torch.ones(300)) > 1e-3


def test_scores_are_those_of_covariances(capsys):
    options = ["--fakes", "40", "--reals", "60", "--classes", "4", "--width", "8"]
    assert scoring.main(options) == 0
    printed = capsys.readouterr().out
    assert "40 against 60 images of 4 people, 8 features" in printed
    assert "| score_attack, each " in printed


def test_the_gradient_measure_is_held_against_the_attack(capsys):
    options = ["--latents", "6", "--steps", "2", "--repetitions", "1"]
    assert gradients.main(options) == 0
    assert "| demo, 6 latents, 2 steps, fp32, cpu |" in capsys.readouterr().out


def test_training_agrees(people):
    assert training.input_row(people, 1).agrees
    row = training.whole_row(people, epochs=1, repetitions=1)
    assert row.agrees, row


def test_the_feed_agrees_with_pillow_and_the_training_with_its_own_batches():
    photographs = feed.smooth(6, 24)
    for pillow in (True, False):
        row = feed.feed_row(photographs, 1, pillow)
        assert row.agrees, row
    share = feed.share_row(photographs, "resnet-mini", 1)
    assert share.agrees, share
    assert share.ratio.ours > 0


def test_gan_steps_agree(people, monkeypatch):
    monkeypatch.setattr(gans, "BATCH", 5)
    rows = gans.rows(people, 1, channels=(6, 5))
    assert [row.name for row in rows] == ["GAN steps, wgan, 6 of 5", "GAN steps, ked, 6 of 5"]
    assert all(row.agrees for row in rows), rows


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


def _products(precision, steps, checkpoint):
    for _ in range(steps):
        torch.ones(3, 5) @ torch.ones(5, 7)
        checkpoint.tick(dict)


def test_flop_are_those_of_one_step():
    assert paper_scale.count(_products) == 2 * 3 * 5 * 7


def test_a_step_s_weights_of_each_sample_count_as_those_of_one():
    """The official step has them as groups, of which PyTorch's own counter makes too much."""
    images, weights = torch.ones(1, 3 * 4, 8, 8), torch.ones(3 * 5, 4, 3, 3)
    for tensor in (images, weights):
        tensor.requires_grad_()
    forward = 2 * 3 * (8 * 8) * (3 * 3) * 4 * 5
    convolved = partial(torch.nn.functional.conv2d, images, weights, padding=1, groups=3)
    assert step.counted(lambda: convolved().sum().backward()) == 3 * forward


def test_a_clock_leaves_the_first_step_out():
    readings = iter([0.0, 10.0, 11.0, 13.0])
    watch = paper_scale.Clock(lambda: next(readings))
    for _ in range(3):
        watch.tick(dict)
    assert watch.steps() == [1.0, 2.0]


SMALL = paper_scale.Settings(
    "cpu", attack_batch=2, training_batch=3, steps=1, architecture="resnet-mini",
    config=GeneratorConfig(16, channel_base=64, z_dim=8, w_dim=8, mapping_layers=1), crop_px=12,
    image_px=10, peak_px=4,
)  # fmt: skip


def test_paper_scale_measures_every_step_and_precision():
    found = [dict(zip(paper_scale.HEADER, row, strict=True))
             for row in paper_scale.rows(SMALL, ["fp32", "bf16"])]  # fmt: skip
    assert [row["work"] for row in found] == ["attack step"] * 2 + ["training step"] * 2
    assert [row["precision"] for row in found] == ["fp32", "bf16"] * 2
    for row in found:
        speed = int(row["batch"]) / float(row["s / step"])
        assert float(row["images/s"]) == pytest.approx(speed, rel=0.02)


def test_a_step_that_does_not_fit_is_a_row(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError

    assert paper_scale.measure(full, "fp32", SMALL) is None
    monkeypatch.setattr(paper_scale, "attack", lambda _: full)
    monkeypatch.setattr(paper_scale, "count", lambda _: 1.0)
    found = paper_scale.rows(SMALL, ["fp32"])
    assert found[0][3:] == ("out of memory",) * 7
    assert "out of memory" not in found[1]


def test_a_step_is_compared_with_float64():
    exact = precision.Step(torch.zeros(2, 1, 4, 4).double(), torch.eye(2).double(), 1.0)
    ours = precision.Step(torch.full((2, 1, 4, 4), 0.02), torch.tensor([[1, 0.1], [0, 2]]), 3.0)
    row = precision.compared("attack", "bf16", ours, exact, exact._replace(seconds=2.0))
    assert row[:4] == ("attack", "bf16", "2.0e-02", "40")  # 10 log10(4 / 0.0004)
    assert row[5:] == ("1.0e-01", "75.0%", "1.50")  # the lower median; one of four signs differs


@pytest.fixture
def tiny_world(generator, people):
    config = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
    demo = config["scales"]["demo"]
    demo["pools"]["orl-1000"]["size"] = 20
    demo["attacks"]["ppa"]["optimisation"]["steps"] = 3
    demo["attacks"]["ppa"]["selection"]["iterations"] = 3
    networks = {
        role: precision.EvaluationNetwork(
            precision.NetworkSpec("classifier", 16),
            precision._forward(build(architecture, 4, 1).freeze()),
            "cpu",
        )
        for role, architecture in (("eval", "convnet-mini"), ("face", attack.TARGET))
    }
    pipeline = ImagePipeline(generator, 16)
    return precision.World(Study(demo), "cpu", people, people, pipeline, networks)


def test_precision_is_held_against_float64_and_fp32(tiny_world):
    target = build(attack.TARGET, 4, 1, seed=1).freeze()
    found = precision.step_rows(tiny_world, target, ["fp32", "bf16"], 1)
    images = [float(row[2]) for row in found[:2]]
    assert images[0] < 1e-4 < images[1] < 1
    errors = [float(row[5]) for row in found]
    assert errors[0] < 1e-2 < errors[1]
    assert errors[2] < 1e-4 < errors[3]
    rows = precision.metric_rows(tiny_world, 0.0, target, ["fp32", "bf16"])
    assert [row[1:3] for row in rows] == [
        ("fp32", "fp32"), ("fp32", "bf16"), ("fp32, other device batch", "fp32"), ("bf16", "fp32"),
    ]  # fmt: skip
    assert rows[0][7] == "100"


def test_compiled_steps_are_held_against_other_device_batches(tiny_world, monkeypatch, capsys):
    monkeypatch.setattr(compiled, "Compiling", lambda *_: UNCOMPILED)
    monkeypatch.setattr(compiled, "world", lambda *_: tiny_world)
    monkeypatch.setattr(compiled, "trained", lambda *_: build(attack.TARGET, 4, 1, seed=1).freeze())
    assert compiled.main(["--seeds", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "compiled" in line]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert [row[2] for row in cells[:2]] == ["α = 0", "α = -0.05"]
    assert all(row[-2] == "100" for row in cells[:2])
    assert [row[2:4] for row in cells[2:]] == [["mean", "+0.0"], ["largest", "+0.0"]]


def test_a_defense_is_timed_against_a_plain_training(people):
    ratio = defenses.measured(people, "mid0.005", epochs=1, rounds=1)
    assert ratio.ours > 0
    assert ratio.median == ratio.reference / ratio.ours
    assert all(Treatment.parse(treatment) for treatment in defenses.EXPECTED)


def test_walks_together_are_those_of_one_class_at_a_time(capsys):
    options = ["--classes", "2", "3", "--passes", "1", "--rounds", "1", "--batch", "99"]
    assert repulsion.main(options) == 0
    printed = capsys.readouterr().out
    assert "demo, 3 classes, batch 99, cpu" in printed
    assert "part by rounding" not in printed


def test_a_step_is_timed_by_turns_and_held_against_the_official_in_float64(monkeypatch, capsys):
    monkeypatch.setattr(step, "IMAGE_PX", 32)
    monkeypatch.setattr(step, "Compiling", lambda *_: UNCOMPILED)
    options = ["--px", "8", "--batch", "2", "--pairs", "1", "--architectures", "resnet18"]
    assert step.main([*options, "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "\nagrees: resnet18, float64" in printed
    lines = [line.split("|") for line in printed.splitlines() if line.startswith("| resnet18")]
    assert [line[3].strip() for line in lines] == ["official", "ours"]
    assert all(float(line[10]) < 0.1 for line in lines)
    theirs, ours = (float(line[6]) for line in lines)
    assert theirs > ours > 0  # GFLOP: gradients for the target's weights, too
    for line in lines:  # a step that kept the processor at its peak would be so much faster
        share, ratio = float(line[7].strip(" %")) / 100, float(line[8].split()[0])
        assert float(line[9]) == pytest.approx(ratio / share, rel=0.5 / (100 * share) + 0.02)

    exact = attack.full_images
    monkeypatch.setattr(attack, "full_images", lambda *given: exact(*given) * (1 + 1e-7))
    monkeypatch.setattr(step, "rows", lambda *_: [])
    assert step.main([*options, "--threads", "1"]) == 1
    assert "\nDIFFERS: resnet18, float64" in capsys.readouterr().out
