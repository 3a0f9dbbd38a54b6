"""The adversarial measure as a whole: draws, batches, noise, interruption, and the verdict."""

import attack_models as models
import pytest
import torch
from mirage.data.views import FORMAT, VERSION, LabelledImages
from mirage.errors import MirageError
from mirage.evaluation.measure import TargetCase
from mirage.evaluation.measures import MEASURES
from mirage.evaluation.measures.adversarial import drawn_once, goals, masking
from mirage.evaluation.measures.adversarial.attacking import Attacked, attack_all, temperature
from mirage.evaluation.measures.adversarial.portion import Attacker
from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.evaluation.measures.adversarial.seen import NO_CLASS, predictions
from mirage.runtime import files
from mirage.targets.architectures import build
from mirage.targets.images import network_range
from mirage.targets.weights import save_classifier

PX, CLASSES, COUNT, STRENGTH = 10, 5, 11, 8
RECIPE = AdversarialRecipe(
    epsilon=0.1, step=0.03, steps=3, population=5, generations=2, apgd_steps=4
)  # fmt: skip
PREDICTED = [
    f"{mode}_{attack}.prediction"
    for mode in ("untargeted", "targeted")
    for attack in ("fgsm", "pgd", "bim", "onepixel")
] + [f"{check}.prediction" for check in masking.CHECKS]


def _network(strength=STRENGTH):
    """One that small changes confuse."""
    network = models.classifier()
    network.body[0].weight *= strength
    return network


def _tests(count=COUNT, first=0):
    stream = torch.Generator().manual_seed(6)
    pixels = torch.randint(256, (COUNT, 1, PX, PX), generator=stream, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (COUNT,), generator=stream)
    targets = drawn_once.targets(labels, CLASSES, 42, "people")
    rows = slice(first, first + count)
    images = LabelledImages(pixels[rows], labels[rows], CLASSES)
    return Attacked(images, targets[rows], list(range(100, 100 + COUNT))[rows])


def _attack(batch=16, checkpoint=None, tests=None, classifier=None, recipe=RECIPE):
    classifier = classifier or _network()
    attacker = Attacker(classifier, recipe, "people", 3, batch, "cpu")
    return attack_all(attacker, tests or _tests(), checkpoint or models.no_checkpoint())


def test_every_attack_leaves_a_prediction_of_every_image():
    found = _attack()
    assert {name for name in found if name.endswith(".prediction")} == {
        "clean.prediction",
        *PREDICTED,
    }
    assert all(len(values) == COUNT for values in found.values())
    tests = _tests()
    logits = _network()(network_range(tests.images.pixels))
    assert torch.equal(found["clean.prediction"], logits.argmax(1))
    torch.testing.assert_close(found["clean.lead"], -goals.gap(logits, tests.images.labels))
    moved = [(found[name] != found["clean.prediction"]).any() for name in PREDICTED]
    assert sum(moved) > 5  # the attacks are no copies of the clean pass


def test_results_do_not_depend_on_batches_or_companions():
    whole = _attack(batch=64)
    for batch in (1, 4, 7):
        found = _attack(batch=batch)
        for name in PREDICTED:
            assert torch.equal(found[name], whole[name]), name
    part = _attack(tests=_tests(4, first=5))
    for name in PREDICTED:
        assert torch.equal(part[name], whole[name][5:9]), name


@pytest.mark.parametrize("ticks", [1, 4])
def test_an_interrupted_measure_goes_on_to_the_same_bytes(tmp_path, ticks):
    whole = _attack(batch=6)
    found, runs = models.in_pieces(
        tmp_path / "state", lambda state: _attack(batch=6, checkpoint=state), ticks + 1
    )
    assert runs > 3
    assert list(found) == list(whole)
    assert all(torch.equal(found[name], whole[name]) for name in whole)


def test_noise_is_named_by_image_attack_and_pass():
    def seen(batch):
        network = models.Noisy()
        found = _attack(batch, classifier=network)
        return found, torch.cat(network.seen)

    whole, noise = seen(64)
    assert len(noise.unique(dim=0)) == len(noise)  # no two passes of anything share any
    for batch in (3, 10):
        found, again = seen(batch)
        assert torch.equal(noise.flatten().sort().values, again.flatten().sort().values)
        assert all(torch.equal(found[name], whole[name]) for name in PREDICTED)


def test_targets_are_other_classes_drawn_once_for_each_image():
    labels = torch.arange(4).repeat(3000)
    found = drawn_once.targets(labels, 4, 42, "people")
    assert not (found == labels).any()
    for label in range(4):
        counts = found[labels == label].bincount(minlength=4)
        assert counts[label] == 0
        others = torch.cat([counts[:label], counts[label + 1 :]])
        assert (others - 1000).abs().max() < 5 * (3000 * 2 / 9) ** 0.5
    assert torch.equal(drawn_once.targets(labels[:40], 4, 42, "people"), found[:40])
    for seed, name in ((43, "people"), (42, "others")):
        assert not torch.equal(drawn_once.targets(labels, 4, seed, name), found)


def test_starts_are_each_images_own_and_fill_the_range():
    numbers = list(range(300))
    found = drawn_once.directions((1, 4, 4), numbers, 42, "people", "pgd")
    alone = drawn_once.directions((1, 4, 4), [7], 42, "people", "pgd")
    assert torch.equal(alone[0], found[7])
    assert -1 <= found.min() < -0.99
    assert 0.99 < found.max() <= 1
    assert abs(found.mean()) < 0.05
    assert not torch.equal(found, drawn_once.directions((1, 4, 4), numbers, 42, "people", "apgd"))


def test_a_temperature_cools_the_median_lead_to_five():
    assert temperature(torch.tensor([100.0, 50.0, 20.0])) == 10
    assert temperature(torch.tensor([4.0])) == 1


def test_a_target_without_finite_logits_is_refused():
    with pytest.raises(MirageError, match="logits of 11 of 11 test images"):
        _attack(classifier=lambda images: models.classifier()(images) * torch.inf)


def test_what_is_not_finite_has_no_class():
    logits = torch.tensor([[1.0, 2.0], [torch.nan, 0.0], [torch.inf, 0.0]])
    assert predictions(logits).tolist() == [1, NO_CLASS, NO_CLASS]


def _found(**columns):
    """Four images of classes 0 to 3, the last one misclassified; nothing succeeds."""
    labels, clean = torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, 0])
    found = dict.fromkeys(["clean.prediction", *PREDICTED], clean)
    return {
        **found, "labels": labels, "targets": torch.tensor([1, 2, 3, 0]),
        "clean.lead": torch.tensor([1.0, 2.0, 3.0, -4.0]),
        "clean.certain": torch.tensor([True, False, False, False]),
        "untargeted_fgsm.still": torch.zeros(4).bool(), **columns,
    }  # fmt: skip


def test_rates_by_hand():
    changed = torch.tensor([2, 1, 2, 0])
    reached = torch.tensor([1, 2, 2, 0])
    told = masking.summary(
        _found(**{"untargeted_pgd.prediction": changed, "targeted_fgsm.prediction": reached})
    )
    assert told["paper"]["untargeted_pgd"] == 0.5  # the error counts
    assert told["corrected"]["untargeted_pgd"] == pytest.approx(1 / 3)
    assert told["paper"]["untargeted_fgsm"] == 0.25
    assert told["corrected"]["untargeted_fgsm"] == 0
    assert told["paper"]["targeted_fgsm"] == 0.75
    assert told["corrected"]["targeted_fgsm"] == pytest.approx(2 / 3)
    assert told["corrected"]["certain"] == pytest.approx(1 / 3)
    assert told["accuracy"] == 0.75
    assert told["corrected"]["median_lead"] == 1.5
    assert told["not_finite"] == 0


def test_without_a_right_image_nothing_is_told_of_them():
    told = masking.summary(_found(**{"clean.prediction": torch.tensor([1, 2, 3, 0])}))
    assert told["corrected"]["untargeted_pgd"] is None
    assert told["corrected"]["zero_gradient"] is None
    assert told["paper"]["untargeted_pgd"] == 0.25


ROBUST = {
    "untargeted_fgsm": 0.3, "untargeted_pgd": 0.5, "untargeted_onepixel": 0.1,
    "targeted_pgd": 0.2, "pgd_gap": 0.5, "apgd_dlr": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "zero", "sign", "masked"),
    [
        ({}, 0.0, None, False),
        ({}, 0.01, None, False),
        ({}, 0.011, "zero_gradients", True),
        ({"pgd_gap": 0.56}, 0.0, "other_loss_better", True),
        ({"apgd_dlr": 0.56}, 0.0, "other_loss_better", True),
        ({"pgd_gap": 0.54}, 0.0, None, False),
        ({"targeted_pgd": 0.51}, 0.0, "targeted_better", True),
        ({"untargeted_fgsm": 0.495}, 0.0, "steps_useless", False),
        ({"untargeted_onepixel": 0.6}, 0.0, "one_pixel_better", False),
    ],
)
def test_signs_of_masked_gradients(changes, zero, sign, masked):
    signs = masking.flags({**ROBUST, **changes}, zero)
    assert [name for name, shows in signs.items() if shows] == ([sign] if sign else [])
    assert masking.verdict(signs) is masked


class _Scaled(torch.nn.Module):
    """Logits of the same classes, a thousand times as far apart."""

    def __init__(self, inner, scale):
        super().__init__()
        self.inner, self.scale = inner, scale

    def forward(self, images):
        return self.scale * self.inner(images)


def test_scaling_the_logits_masks_gradients_and_protects_nobody():
    """One network, scaled: it decides alike, so what it withstands is the attack's weakness."""
    recipe = AdversarialRecipe(epsilon=0.3, step=0.08, steps=8, population=5, generations=2)
    network = _network()
    tests = _tests()
    own = network(network_range(tests.images.pixels)).argmax(1)
    tests = tests._replace(images=tests.images._replace(labels=own), targets=(own + 1) % CLASSES)
    sound, masked = (
        masking.summary(_attack(tests=tests, recipe=recipe, classifier=classifier))
        for classifier in (network, _Scaled(network, 1e4))
    )
    assert sound["corrected"]["zero_gradient"] == 0
    assert masked["corrected"]["zero_gradient"] > 0.5
    assert masked["corrected"]["untargeted_pgd"] < sound["corrected"]["untargeted_pgd"]
    for check in ("pgd_gap", "apgd_dlr"):
        assert masked["corrected"][check] == sound["corrected"][check] > 0.5
    assert masked["corrected"]["masked"] == 1
    assert masked["note"] == masking.NOTE
    assert "note" not in sound


def test_a_target_is_measured_from_its_files(tmp_path):
    stream = torch.Generator().manual_seed(2)
    labels = torch.arange(CLASSES).repeat(6)
    held = {
        "pixels": torch.randint(256, (30, 1, 32, 32), generator=stream, dtype=torch.uint8),
        "labels": labels, "train": torch.arange(20), "test": torch.tensor([29, 21, 25]),
    }  # fmt: skip
    header = {"format": FORMAT, "version": VERSION, "dataset": {"split": None},
              "identities": [str(label) for label in range(CLASSES)]}  # fmt: skip
    files.save_tensors(tmp_path / "view.safetensors", held, header)
    save_classifier(tmp_path / "weights.safetensors", build("resnet-mini", CLASSES, 1), {})
    inputs = {name: tmp_path / f"{name}.safetensors" for name in ("view", "weights")}
    case = TargetCase(
        inputs, {"steps": 2, "generations": 1, "apgd_steps": 1}, {}, "people", 3, CLASSES, 32, 32,
        8, models.no_checkpoint(), "cpu",
    )  # fmt: skip
    found = MEASURES["adversarial"].run(case)
    assert found.metrics["images"] == 3
    assert found.arrays["labels"].tolist() == labels[[29, 21, 25]].tolist()
    all_targets = drawn_once.targets(labels, CLASSES, 42, "people")
    assert torch.equal(found.arrays["targets"], all_targets[[29, 21, 25]])
    assert set(found.metrics["paper"]) == set(found.metrics["corrected"])
    files.write_json(tmp_path / "metrics.json", found.metrics)
