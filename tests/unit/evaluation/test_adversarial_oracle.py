"""FGSM and PGD to the bit as torchattacks, which is installed for this test where that is asked."""

import importlib
import os
import subprocess
import sys
from functools import partial

import pytest
import torch
from mirage.evaluation.measures.adversarial import goals
from mirage.evaluation.measures.adversarial.gradient_attacks import Climb, leap, walk
from mirage.evaluation.measures.adversarial.seen import seen
from mirage.targets.architectures import build

EPSILON, STEP = 8 / 255, 2 / 255
ASKED = "MIRAGE_TORCHATTACKS"

pytestmark = pytest.mark.skipif(
    ASKED not in os.environ, reason=f"{ASKED}=1 installs torchattacks 3.5.1 and compares"
)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torchattacks")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--target", folder, "torchattacks==3.5.1"], check=True)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("torchattacks")
    sys.path.remove(str(folder))


class _UnitRange(torch.nn.Module):
    """A target that takes [0, 1], by dividing by the deviation of 0.5."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner((images - 0.5) / 0.5)


@pytest.fixture(scope="module")
def model():
    return build("resnet-mini", 7, 1, seed=3).freeze()


@pytest.fixture(scope="module")
def case(model):
    stream = torch.Generator().manual_seed(1)
    images = torch.randint(256, (16, 1, 32, 32), generator=stream).float() / 255
    return images, torch.randint(7, (16,), generator=stream)


@pytest.mark.parametrize("targeted", [False, True])
def test_attacks_are_theirs_to_the_bit(oracle, model, case, targeted):
    images, labels = case
    others = (labels + 3) % 7
    goal, classes = (goals.towards, others) if targeted else (goals.away, labels)
    climb = Climb(
        seen(model, "untargeted_pgd", range(16), 0), images, classes, goal, len(images)
    )  # fmt: skip
    theirs = {
        "FGSM": partial(oracle.FGSM, eps=EPSILON),
        "PGD": partial(oracle.PGD, eps=EPSILON, alpha=STEP, steps=10, random_start=True),
        "BIM": partial(oracle.BIM, eps=EPSILON, alpha=STEP, steps=10),
    }
    made = {}
    for name, attack in theirs.items():
        made[name] = attack(_UnitRange(model).eval())
        if targeted:
            made[name].set_mode_targeted_by_label(quiet=True)
    torch.manual_seed(5)
    found = {name: attack(images, classes) for name, attack in made.items()}
    torch.manual_seed(5)
    start = (images + torch.empty_like(images).uniform_(-EPSILON, EPSILON)).clamp(0, 1)
    assert torch.equal(leap(climb, EPSILON)[0], found["FGSM"])
    assert torch.equal(walk(climb, start, EPSILON, STEP, 10), found["PGD"])
    ours = walk(climb, images, EPSILON, STEP, 10)
    torch.testing.assert_close(ours, found["BIM"], rtol=0, atol=1e-6)
