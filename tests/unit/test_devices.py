"""Every stage keeps its tensors on its device: a mix-up fails here as it would on a GPU."""

from dataclasses import replace

import attack_models as models
import inversion_models as linear
import pytest
import torch
from interruptions import StopAfter
from mirage.attacks.given import Given
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.pool import Pool, synthesise_pool
from mirage.attacks.recipe import PoolRecipe
from mirage.attacks.terms import feature_statistics
from mirage.data.views import LabelledImages
from mirage.errors import Interrupted
from mirage.evaluation.evaluator import check_evaluator
from mirage.evaluation.features import embed_attack, embed_real
from mirage.evaluation.measures.adversarial.attacking import Attacked, attack_all
from mirage.evaluation.measures.adversarial.portion import Attacker
from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.evaluation.measures.embeddings.neighbours import neighbours
from mirage.evaluation.measures.gradients import walk
from mirage.evaluation.measures.gradients.pairs import draw_pairs
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.recipe import KnowledgeRecipe, NetworkSpec
from mirage.evaluation.student import extract_knowledge
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.recipe import PriorRecipe
from mirage.priors.rendering import Prior
from mirage.priors.trainers import TRAINERS
from mirage.priors.training import train_prior
from mirage.targets.architectures import build
from mirage.targets.backdoor import checkerboard
from mirage.targets.inference import finite_logits, judge
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.students import train_students
from mirage.targets.students_recipe import StudentsRecipe
from mirage.targets.training import train_classifier
from mirage.targets.treatments import make
from pretend_cuda import pretend_cuda

PX, CLASSES = 10, [3, 0]


def _given(batch, checkpoint=None):
    return models.given(CLASSES, PX, batch, device="cuda", checkpoint=checkpoint)


@pytest.fixture
def cuda():
    with pretend_cuda() as mode:
        yield mode
        assert mode.operations > 100  # else the stage never reached the device


@pytest.fixture
def target(cuda):
    return models.classifier().to("cuda")


@pytest.fixture
def pipeline(cuda):
    made = models.pipeline()
    return ImagePipeline(made.generator.to("cuda"), made.crop_px)


def test_a_mix_up_is_found(target):
    with pytest.raises((RuntimeError, ValueError)):
        target(torch.zeros(1, 1, PX, PX))
    for _ in range(60):
        target(torch.zeros(1, 1, PX, PX).to("cuda"))


def test_pool(pipeline):
    recipe = PoolRecipe(size=5, cutoff=3)
    pool = synthesise_pool(pipeline, recipe, PX, 2, "cuda", models.no_checkpoint())
    assert pool.images.device.type == pool.w.device.type == "cpu"


def test_sampling(target):
    pool = Pool(models.latents(6), torch.zeros(6, 1, PX, PX))
    for flip in (True, False):
        found = sample_candidates(_given(1), SamplingRecipe(3, flip), target, pool)
        assert found.scores.device.type == found.latents.device.type == "cpu"


@pytest.mark.parametrize("crop", ["shared", "per_image"])
@pytest.mark.parametrize("extra", [False, True])
def test_optimisation(tmp_path, pipeline, target, crop, extra):
    recipe = OptimisationRecipe(
        steps=3, batch_size=2, crop=crop,
        **(dict(feature_weight=1.0, feature_reference="draw", discriminator_weight=0.1)
           if extra else {}),
    )  # fmt: skip
    statistics = feature_statistics(target, torch.zeros(5, 1, PX, PX), 2, "cuda")

    def work(checkpoint):
        return optimise_latents(
            _given(4, checkpoint), recipe, pipeline, target, models.latents(2, 3),
            discriminator=lambda images: images.mean((1, 2, 3)), statistics=statistics,
        )  # fmt: skip

    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 2))
    assert work(StopAfter(tmp_path / "state", 99)).latents.device.type == "cpu"


@pytest.mark.parametrize("crop", ["shared", "per_image"])
def test_selection(pipeline, target, crop):
    recipe = SelectionRecipe(2, 3, crop=crop)
    found = select_latents(_given(3), recipe, pipeline, target, models.latents(2, 4))
    assert found.scores.device.type == found.latents.device.type == "cpu"


def _network(model):
    def forward(images):
        features = model.features(images)
        return Embedded(features, model.head(features))

    return EvaluationNetwork(NetworkSpec("classifier", PX, l2_normalise=True), forward, "cuda")


def test_embedding(tmp_path, pipeline, target):
    networks = {"eval": _network(target), "fid": _network(target)}

    def attack(checkpoint):
        return embed_attack(
            pipeline, networks, models.latents(2, 3), torch.tensor(CLASSES), 8, 12, 4, "cuda",
            checkpoint,
        )  # fmt: skip

    with pytest.raises(Interrupted):
        attack(StopAfter(tmp_path / "state", 1))
    found = attack(StopAfter(tmp_path / "state", 99))
    assert found.images.device.type == found.gallery.device.type == "cpu"
    pixels = torch.zeros(5, 1, PX, PX, dtype=torch.uint8)
    views = dict.fromkeys(networks, pixels)
    for _ in range(3):
        embed_real(networks, views, torch.arange(5), 2, models.no_checkpoint())


def test_adversarial_attacks(tmp_path, target):
    pixels = torch.zeros(5, 1, PX, PX, dtype=torch.uint8)
    tests = Attacked(
        LabelledImages(pixels, torch.arange(5), 5), torch.ones(5).long(), list(range(5))
    )
    recipe = AdversarialRecipe(steps=2, generations=2, apgd_steps=4)

    def attack(ticks):
        checkpoint = StopAfter(tmp_path / "state", ticks)
        return attack_all(Attacker(target, recipe, "people", 1, 3, "cuda"), tests, checkpoint)

    with pytest.raises(Interrupted):
        attack(3)
    assert {column.device.type for column in attack(999).values()} == {"cpu"}


def _switches():
    cuda = torch.backends.cuda.matmul.allow_tf32, torch.is_autocast_enabled("cuda")
    return torch.backends.cudnn.allow_tf32, *cuda


@pytest.mark.parametrize(
    ("precision", "inside"),
    [
        ("fp32", (False, False, False)),
        ("tf32", (True, False, False)),
        ("bf16", (False, False, True)),
    ],
)
def test_stages_set_their_precision_and_put_it_back(tmp_path, pipeline, target, precision, inside):
    """(tf32 in convolutions, tf32 in products, autocast) as generator and classifier meet them."""
    seen, before = [], _switches()
    for network in (pipeline.generator.synthesis.b4.conv1, target.body[0]):
        network.register_forward_hook(lambda _, given, made: seen.append((_switches(), made.dtype)))
    starts, nothing = models.latents(2, 3), models.no_checkpoint()
    pool = synthesise_pool(
        pipeline, PoolRecipe(size=5, cutoff=3, precision=precision), PX, 3, "cuda", nothing
    )
    sample_candidates(_given(3), SamplingRecipe(3, precision=precision), target, pool)
    recipe = OptimisationRecipe(steps=3, batch_size=2, precision=precision)
    given = _given(4, StopAfter(tmp_path / "state", 2))
    with pytest.raises(Interrupted):
        optimise_latents(given, recipe, pipeline, target, starts)
    assert _switches() == before
    chosen = SelectionRecipe(2, 3, precision=precision)
    select_latents(_given(3), chosen, pipeline, target, starts)
    networks = {"eval": _network(target)}
    embed_attack(
        pipeline.at(precision), networks, starts, torch.tensor(CLASSES), PX, PX, 4, "cuda",
        nothing, precision,
    )  # fmt: skip
    views = {"eval": torch.zeros(5, 1, PX, PX, dtype=torch.uint8)}
    embed_real(networks, views, torch.arange(5), 2, nothing, precision)
    check_evaluator(target, views["eval"], torch.arange(5), None, 2, "cuda", precision)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    assert set(seen) == {(inside, dtype)}
    assert _switches() == before


@pytest.mark.parametrize(("precision", "inside"), [("fp32", False), ("tf32", True)])
def test_a_released_target_is_judged_as_it_was_trained(target, precision, inside):
    seen, before = [], _switches()
    target.body[0].register_forward_hook(lambda *_: seen.append(_switches()[0]))
    pixels = torch.zeros(4, 1, PX, PX, dtype=torch.uint8)
    people = LabelledImages(pixels, torch.arange(4), 5)
    for _ in range(4):
        found = judge(target, people, people, "cuda", precision, 1)
    assert set(found) >= {"train_accuracy", "test_accuracy", "test_loss", "calibration_error"}
    assert seen == [inside] * 8
    assert _switches() == before


def _people(count=9, px=16):
    pixels = torch.zeros(count, 3, px, px, dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(count) % 3, 3)


@pytest.mark.parametrize(
    "architecture", ["resnet-mini", "resnext-mini", "densenet-mini", "convnet-mini"]
)
def test_training(tmp_path, cuda, architecture):
    train, test = _people(), _people(5)
    recipe = TrainingRecipe.of(
        {
            "epochs": 2, "batch_size": 4, "optimiser": {"name": "adam", "lr": 0.001},
            "keep": "best", "augmentation":
                {"crop_scale": [0.8, 1.0], "flip": 0.5, "brightness": 0.2, "contrast": 0.2,
                 "saturation": 0.1, "hue": 0.1},
        }
    )  # fmt: skip

    def work(checkpoint):
        parts = make([{"part": "ls", "alpha": -0.05}])
        return train_classifier(
            architecture, train, test, recipe, 1, checkpoint, "cuda", treatment=parts
        )

    if architecture == "resnet-mini":
        with pytest.raises(Interrupted):
            work(StopAfter(tmp_path / "state", 4))
    work(StopAfter(tmp_path / "state", 99))


@pytest.mark.parametrize("stage", ["before_augmentation", "after_augmentation"])
@pytest.mark.parametrize("name", ["badnets", "blended"])
def test_poisoned_training(cuda, name, stage):
    recipe = TrainingRecipe.of(
        {"epochs": 2, "batch_size": 4, "optimiser": {"name": "adam", "lr": 0.001}}
    )
    parts = make([{"part": name, "share": 0.5, "stage": stage}])
    train_classifier(
        "resnet-mini", _people(), None, recipe, 1, models.no_checkpoint(), "cuda", treatment=parts
    )


def test_triggers_are_shown(target):
    trigger = checkerboard(1, PX, 4, 1, 0).on("cuda")
    pixels = torch.zeros(9, 1, PX, PX, dtype=torch.uint8)
    images = LabelledImages(pixels, torch.zeros(9).long(), 5)
    for _ in range(20):
        found = finite_logits(target, images, "cuda", 4, show=trigger.show)
    assert found.device.type == "cpu"


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("kind", ["gmi", "ked"])
def test_inversions(tmp_path, cuda, monkeypatch, kind, noisy):
    target = linear.noisy_classifier() if noisy else linear.classifier()
    weights = torch.ones(linear.PX**2, 3, device="cuda")
    scores = [
        lambda images: images.sum((1, 2, 3)),
        lambda images: (images, images.flatten(1) @ weights),
    ]
    held = {
        "prior": Prior(_Blank().to("cuda"), linear.PX), "classifier": target.to("cuda"),
        "critic": scores[kind == "ked"], "students": [linear.classifier(1).to("cuda")],
        "public": torch.zeros(3, 1, linear.PX, linear.PX, dtype=torch.uint8),
    }  # fmt: skip
    for name, value in held.items():
        monkeypatch.setattr(Given, name, lambda _, value=value: value)
    settings = {"steps": 3, "batch_size": 2, "feature_weight": 1.0, "students": "two"}

    def work(checkpoint):
        given = models.given([3, 0, 1], linear.PX, 3, device="cuda", checkpoint=checkpoint)
        return KINDS[kind].run["recover"](replace(given, settings=settings))

    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 2))
    found = work(StopAfter(tmp_path / "state", 99))
    assert {found.latents.device.type, found.scores.device.type} == {"cpu"}


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("plg", {"restarts": 2, "steps": 3}),
        ("brep", {"start_batch": 40, "start_batches": 20, "patience": 3, "pass_limit": 9}),
    ],
)
def test_views_and_spheres(tmp_path, cuda, monkeypatch, kind, settings, noisy):
    target = linear.noisy_classifier() if noisy else linear.classifier()
    held = {"prior": Prior(_Blank().to("cuda"), linear.PX), "classifier": target.to("cuda")}
    for name, value in held.items():
        monkeypatch.setattr(Given, name, lambda _, value=value: value)

    def work(checkpoint):
        given = models.given([3, 0, 1], linear.PX, 3, device="cuda", checkpoint=checkpoint)
        given = replace(given, settings=settings, crop_px=linear.PX)
        return KINDS[kind].run["recover"](given)

    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 2))
    found = work(StopAfter(tmp_path / "state", 99))
    assert {found.latents.device.type, found.scores.device.type} == {"cpu"}


@pytest.mark.parametrize("noisy", [False, True])
def test_a_policy_is_learnt(tmp_path, cuda, monkeypatch, noisy):
    target = linear.noisy_classifier() if noisy else linear.classifier()
    held = {"prior": Prior(_Blank().to("cuda"), linear.PX), "classifier": target.to("cuda")}
    for name, value in held.items():
        monkeypatch.setattr(Given, name, lambda _, value=value: value)
    settings = {"episodes": 6, "hidden": 4, "batch_size": 3}

    def work(checkpoint):
        given = models.given([3, 0, 1], linear.PX, 4, device="cuda", checkpoint=checkpoint)
        return KINDS["rlb"].run["recover"](replace(given, settings=settings))

    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 5))
    found = work(StopAfter(tmp_path / "state", 99))
    assert {part.device.type for part in (found.latents, found.scores, found.queries)} == {"cpu"}


class _Blank(torch.nn.Module):
    z_dim = linear.Z

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(linear.matrices()[0], requires_grad=False)

    def forward(self, z, labels):
        assert labels.device == z.device
        return (z @ self.weight.T).view(-1, 1, linear.PX, linear.PX)


@pytest.mark.parametrize("architecture", ["convnet-mini", "efficientnet-b0"])
def test_students(tmp_path, cuda, architecture):
    teacher = build("convnet-mini", 3, 3).to("cuda").freeze()
    recipe = StudentsRecipe((architecture,), 2, 2)
    images = torch.zeros(5, 3, 32, 32, dtype=torch.uint8)

    def work(checkpoint):
        return train_students(teacher, images, recipe, 1, checkpoint, "cuda")

    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 2))
    work(StopAfter(tmp_path / "state", 99))


def test_gradients(tmp_path, pipeline, target):
    recipe = OptimisationRecipe(steps=3, batch_size=2)
    walked = walk.WalkedModel(pipeline, target, PX, recipe)
    pairs = draw_pairs(models.latents(5), 4, 5, 7)

    def work(checkpoint):
        return walk.walk(walked, pairs, ["poincare"], 7, 3, "cuda", checkpoint)

    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 2))
    found = work(StopAfter(tmp_path / "state", 99))
    assert {values.device.type for values in found.values()} == {"cpu"}


def test_distances_of_all_images(cuda):
    for _ in range(6):
        found = neighbours(torch.zeros(9, 4), torch.arange(9) % 3, "cuda", block=4)
    assert found.own_mean.device.type == "cpu"


def test_student(cuda):
    recipe = KnowledgeRecipe("resnet-mini", 16, epochs=1, batch_size=4)
    images = torch.zeros(8, 3, 16, 16, dtype=torch.float16)
    labels, people = torch.arange(8) // 4, _people()
    extract_knowledge(images, labels, people, people, recipe, 1, models.no_checkpoint(), "cuda")


@pytest.mark.filterwarnings("ignore:Accessing the data pointer")  # by copy.deepcopy
def test_prior(tmp_path, cuda):
    shape = {"image_px": 8, "image_channels": 1, "channels": [4, 4]}
    recipe = PriorRecipe.of(
        {
            "generator": {**shape, "z_dim": 4, "w_dim": 4, "mapping_layers": 1},
            "discriminator": shape, "steps": 3, "batch_size": 4, "path_batch": 2, "r1_interval": 2,
            "path_interval": 2,
        }
    )  # fmt: skip
    images = torch.zeros(6, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(Interrupted):
        train_prior(images, recipe, 1, StopAfter(tmp_path / "state", 2), "cuda")
    train_prior(images, recipe, 1, StopAfter(tmp_path / "state", 99), "cuda")


@pytest.mark.parametrize("kind", ["wgan", "ked", "plg"])
def test_training_of_a_low_resolution_prior(tmp_path, cuda, kind):
    shape = {"image_px": 16, "image_channels": 1, "channels": [4, 3]}
    judge = shape if kind == "wgan" else {**shape, "classes": 3}
    settings = {"generator": {**shape, "z_dim": 4}, "epochs": 3, "discriminator_steps": 2}
    if kind == "plg":
        wider = {"channels": [5, 4, 3], "classes": 3}
        judge, settings = {**judge, **wider}, {"top_n": 2, "steps": 3}
        settings["generator"] = {**shape, **wider, "z_dim": 4}
    trainer = TRAINERS[kind]
    recipe = trainer.recipe.of({**settings, "discriminator": judge, "batch_size": 4})
    target = build("resnet-mini", 3, 1).freeze().to("cuda") if trainer.needs_target else None
    images = torch.zeros(5, 1, 16, 16, dtype=torch.uint8)

    def work(ticks):
        checkpoint = StopAfter(tmp_path / "state", ticks)
        return trainer.train(images, recipe, 1, checkpoint, "cuda", target=target)

    with pytest.raises(Interrupted):
        work(2)
    assert next(work(99).generator.parameters()).device.type == "cuda"
