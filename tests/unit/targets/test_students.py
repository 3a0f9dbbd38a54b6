"""Students against scipy and closed forms, their own interruptions, and a teacher known in full."""

import attack_models as models
import pytest
import torch
from interruptions import StopAfter
from mirage.errors import Interrupted, MirageError
from mirage.recipes import OptimiserRecipe
from mirage.targets.architectures import build
from mirage.targets.architectures.classifier import Classifier
from mirage.targets.architectures.efficientnet import StreamDepth
from mirage.targets.bottleneck import Bottleneck
from mirage.targets.images import network_range
from mirage.targets.students import distillation_loss, train_students
from mirage.targets.students_recipe import StudentsRecipe
from scipy.special import softmax
from scipy.stats import entropy
from torch import nn

PX = 16
SGD = OptimiserRecipe("sgd", 0.05, momentum=0.9, weight_decay=1e-4)
SHORT = StudentsRecipe(("resnet-mini", "convnet-mini"), 2, 8, SGD)


def _images(count=20):
    """Left and right half of different brightness."""
    stream = torch.Generator().manual_seed(0)
    halves = torch.randint(256, (count, 1, 1, 2), generator=stream)
    return halves.repeat_interleave(PX // 2, dim=3).expand(-1, -1, PX, -1).to(torch.uint8)


def _teacher():
    """Knows three classes by the brightness of the halves: left, right, none of them."""
    head = nn.Linear(PX * PX, 3)
    left = (torch.arange(PX) < PX // 2).float().expand(PX, PX).flatten() / (PX * PX / 8)
    right = left.flip(0)
    head.weight.data = torch.stack([left - right, right - left, torch.zeros_like(left)])
    head.bias.data = torch.tensor([0.0, 0.0, 1.0])
    return Classifier(nn.Flatten(), head, 1).freeze()


def _train(recipe=SHORT, checkpoint=None, teacher=None, images=None, seed=3):
    return train_students(
        _teacher() if teacher is None else teacher, _images() if images is None else images,
        recipe, seed, checkpoint or models.no_checkpoint(), "cpu",
    )  # fmt: skip


def _weights(students):
    return [{k: v.clone() for k, v in student.state_dict().items()} for student in students]


def _equal(ones, others):
    return all(
        a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
        for a, b in zip(ones, others, strict=True)
    )


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_loss_is_the_divergence_of_the_teacher_from_the_student(temperature):
    torch.manual_seed(0)
    student, teacher = 3 * torch.randn(2, 6, 5, dtype=torch.float64)
    student.requires_grad_()
    loss = distillation_loss(student, teacher, temperature)
    wanted, found = (softmax(x.detach().numpy() / temperature, axis=1) for x in (teacher, student))
    divergence = entropy(wanted, found, axis=1).mean() / temperature**2
    assert loss.item() == pytest.approx(divergence, rel=1e-12)
    (gradient,) = torch.autograd.grad(loss, student)
    expected = torch.from_numpy(found - wanted) / (6 * temperature**3)
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-14)


def test_students_learn_a_linear_teacher():
    images, teacher = _images(96), _teacher()
    recipe = StudentsRecipe(("resnet-mini", "convnet-mini"), 15, 16, SGD)
    students = _train(recipe, teacher=teacher, images=images)
    unseen = network_range(_images(400)[96:])
    wanted = teacher(unseen)
    for name, student in zip(recipe.architectures, students, strict=True):
        assert (student.name, student.classes, student.training) == (name, 3, False)
        assert not any(p.requires_grad for p in student.parameters())
        agreement = (student(unseen).argmax(1) == wanted.argmax(1)).float().mean()
        assert agreement > 0.9
        fresh = build(name, 3, 1, seed=3).freeze()
        before, after = (distillation_loss(n(unseen), wanted, 1.0) for n in (fresh, student))
        assert after < before / 5


def test_a_step_is_pytorch_s_sgd_on_the_divergence():
    recipe = StudentsRecipe(("resnet-mini",), 1, 20, SGD)
    (student,) = _train(recipe)
    model = build("resnet-mini", 3, 1, seed=3)
    shown = network_range(_images())
    sgd = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)
    distillation_loss(model(shown), _teacher()(shown), 1.0).backward()
    sgd.step()
    for ours, theirs in zip(student.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.data, theirs.data, rtol=1e-4, atol=1e-6)


def test_students_side_by_side_are_those_trained_alone():
    together = _weights(_train())
    alone = [
        _weights(_train(StudentsRecipe((name,), 2, 8, SGD)))[0] for name in SHORT.architectures
    ]
    assert _equal(together, alone)
    assert not _equal(together[:1], _weights(_train(seed=4))[:1])


@pytest.mark.parametrize("ticks", [1, 3])
def test_interrupted_trainings_end_in_the_same_bytes(tmp_path, ticks):
    teacher = _noisy_teacher()
    whole = _train(teacher=teacher)
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _train(checkpoint=state, teacher=teacher), ticks
    )
    assert runs == 4 // ticks + 1
    assert _equal(_weights(whole), _weights(pieces))


def _noisy_teacher():
    torch.manual_seed(1)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(PX * PX, 8))
    model = Classifier(trunk, nn.Linear(8, 3), 1)
    model.head = Bottleneck(8, 3, True, torch.Generator().manual_seed(0))
    return model.freeze()


def test_only_a_teacher_with_noise_answers_anew_in_every_epoch():
    for teacher, passes in ((_teacher(), 1), (_noisy_teacher(), 2)):
        seen = []
        teacher.head.register_forward_hook(lambda _, given, made: seen.append(made))  # noqa: B023
        _train(teacher=teacher)
        assert len(seen) == passes
        assert passes == 1 or not torch.equal(*seen)


def test_what_is_left_of_an_epoch_is_dropped(tmp_path):
    ticks = 0

    class Counting(StopAfter):
        def tick(self, state):
            nonlocal ticks
            ticks += 1

    _train(checkpoint=Counting(tmp_path / "state", 1))
    assert ticks == 2 * (20 // 8)
    with pytest.raises(MirageError, match=r"from 7 images.*a batch of 8"):
        _train(images=_images(7))


def test_a_loss_that_is_not_finite_is_told():
    teacher = _teacher()
    teacher.head.bias.data[0] = torch.nan
    with pytest.raises(MirageError, match="loss of student resnet-mini is nan after epoch 0"):
        _train(teacher=teacher)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"epochs": 0}, "epochs"), ({"batch_size": 1}, "batch_size"), ({"temperature": 0}, "temper")],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(MirageError, match=message):
        StudentsRecipe.of(settings)


def test_published_settings_are_the_defaults():
    recipe = StudentsRecipe.of({})
    assert (recipe.epochs, recipe.batch_size, recipe.temperature) == (19, 64, 1.0)
    assert recipe.optimiser == OptimiserRecipe("sgd", 0.01, momentum=0.9, weight_decay=1e-4)


@pytest.mark.parametrize(
    ("name", "weights", "width"),
    [  # parameters at 1,000 classes as torchvision publishes them
        ("efficientnet-b0", 5_288_548, 1280),
        ("efficientnet-b1", 7_794_184, 1280),
        ("efficientnet-b2", 9_109_994, 1408),
    ],
)
def test_efficientnets_have_the_published_size(name, weights, width):
    model = build(name, 1000, 3)
    assert sum(p.numel() for p in model.parameters()) == weights
    assert model.head.in_features == width
    assert not any(isinstance(m, nn.Dropout) for m in model.modules())


def test_efficientnet_is_torchvision_s_on_images_in_unit_range():
    from torchvision.models import efficientnet_b0

    ours, theirs = build("efficientnet-b0", 1000, 3).freeze(), efficientnet_b0().eval()
    held = {k: v for k, v in theirs.state_dict().items() if k.startswith("features.")}
    ours.trunk.load_state_dict(held)
    ours.head.load_state_dict(theirs.classifier[1].state_dict())
    unit = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(ours(2 * unit - 1), theirs(unit), rtol=1e-4, atol=1e-5)


def test_stochastic_depth_drops_whole_images_by_its_own_stream():
    layer, x = StreamDepth(0.4), torch.ones(2000, 2, 3, 3)
    assert torch.equal(layer.eval()(x), x)
    layer.train().generator.manual_seed(5)
    before = torch.get_rng_state()
    seen = layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    kept = seen.flatten(1)
    assert ((kept == 0) | torch.isclose(kept, torch.tensor(1 / 0.6))).all()
    assert (kept.amax(1) == kept.amin(1)).all()
    assert seen.mean().item() == pytest.approx(1, abs=0.06)
    layer.generator.manual_seed(5)
    assert torch.equal(layer(x), seen)


def test_efficientnets_resume_in_the_same_bytes(tmp_path):
    recipe = StudentsRecipe(("efficientnet-b0",), 1, 4)
    torch.manual_seed(0)
    images = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8)
    head = nn.Linear(3 * 32 * 32, 3)
    teacher = Classifier(nn.Flatten(), head, 3).freeze()
    whole = _train(recipe, teacher=teacher, images=images)
    with pytest.raises(Interrupted):
        _train(recipe, StopAfter(tmp_path / "state", 1), teacher, images)
    rest = _train(recipe, StopAfter(tmp_path / "state", 9), teacher, images)
    assert _equal(_weights(whole), _weights(rest))
