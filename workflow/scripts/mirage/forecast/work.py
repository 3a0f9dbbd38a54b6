"""What every job does: files read and written, units of work, memory beside the units'.

One function per rule, from the study's own recipes. A job is named by its rule and wildcards, as
the workflow names it; bytes follow from the formats of the rooms that write the files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mirage import cells
from mirage.cells import Attack, Target
from mirage.errors import MirageError
from mirage.evaluation.fidelity import FIDELITIES
from mirage.forecast import units
from mirage.forecast.inventory import Images, images_of, train_images
from mirage.forecast.units import Batches, Unit
from mirage.paper import items
from mirage.study import NETWORKS, Study

FLOAT, HALF, LONG = 4, 2, 8
"""Bytes of a number."""

_SMALL = 20_000  # a record, a table, a line of metrics


class Job(NamedTuple):
    """One job of the plan: its rule and its wildcards, as text."""

    rule: str
    wildcards: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, rule: str, **wildcards: str) -> "Job":
        """Name a job."""
        return cls(rule, tuple(sorted(wildcards.items())))


@dataclass(frozen=True)
class Work:
    """What one job does.

    Attributes:
        calls: units and how many images each runs in all.
        inputs: files it reads, without assets.
        outputs: file -> bytes.
        temporary: those of them that go when their readers are done.
        gpu: whether it asks for a GPU.
        decoded: photographs decoded.
        resized: stored images resized.
        flops: of numerical work on the host.
        host_bytes: most memory beside process, libraries and units.
        device_bytes: memory on the device beside the units'.
        state_bytes: of the state an interruption would leave.
    """

    calls: tuple[tuple[Unit, float], ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: Mapping[str, float] = field(default_factory=dict)
    temporary: tuple[str, ...] = ()
    gpu: bool = False
    decoded: int = 0
    resized: int = 0
    flops: float = 0.0
    host_bytes: float = 0.0
    device_bytes: float = 0.0
    state_bytes: float = 0.0


Weigh = Callable[[Unit], float]
Rule = Callable[["Workshop", Mapping[str, str]], Work]
_RULES: dict[str, Rule] = {}


def rules() -> list[str]:
    """Rules whose work is known."""
    return list(_RULES)


def _rule(name: str) -> Callable[[Rule], Rule]:
    def enter(function: Rule) -> Rule:
        _RULES[name] = function
        return function

    return enter


@dataclass(frozen=True)
class Workshop:
    """All that the work of a job follows from.

    Attributes:
        study: the study.
        batches: images a device takes together.
        sizes: published sizes of data sets, by reader.
        feature_width: of each evaluation network, by architecture or kind.
        weigh: bytes of the weights of a ``classify`` or ``render`` unit.
        results: folder of the results.
    """

    study: Study
    batches: Batches
    sizes: Mapping[str, Any]
    feature_width: Mapping[str, int]
    weigh: Weigh
    results: Path = Path()
    _images: dict[str, Images] = field(default_factory=dict)

    def work(self, job: Job) -> Work:
        """Work of a job.

        Raises:
            MirageError: nothing is known of the rule, or the study knows no such cell.
        """
        if job.rule not in _RULES:
            raise MirageError(f"the forecast knows no rule {job.rule!r}", f"one of {list(_RULES)}")
        return _RULES[job.rule](self, dict(job.wildcards))

    def images(self, dataset: str) -> Images:
        """Sizes of a data set."""
        if dataset not in self._images:
            self._images[dataset] = images_of(self.study, dataset, self.sizes, self.results)
        return self._images[dataset]

    def view_bytes(self, dataset: str, view: str, count: int | None = None) -> float:
        """Bytes of ``count`` images of a view (all)."""
        side = self.study.view(dataset, view)["image_px"]
        channels = self.study.dataset(dataset)["recipe"]["channels"]
        number = self.images(dataset).total if count is None else count
        return float(number * channels * side**2)

    def classify(self, target: Target) -> Unit:
        """A target's forward pass."""
        return units.classify(
            self.study, target.dataset, target.architecture, self.batches.forward
        )

    def render(self, pool: str, image_px: int) -> Unit:
        """A latent's way to an image."""
        return units.render(self.study, pool, image_px, self.batches.forward)

    def generator(self, pool: str) -> str:
        """File of a pool's generator."""
        prior = self.study.pool(pool)["prior"]
        shipped = self.study.scale["trained_priors"]
        home = "priors"
        if self.study.prior(prior)["source"]["kind"] == "trained" and shipped != home:
            home = f"../../{shipped}"
        return f"{home}/{prior}/generator.safetensors"

    def w_bytes(self, pool: str) -> int:
        """Bytes of one w."""
        recipe = self.study.prior(self.study.pool(pool)["prior"])["source"].get("recipe", {})
        return FLOAT * int(recipe.get("generator", {}).get("w_dim", 512))

    def image_bytes(self, dataset: str, image_px: int) -> int:
        """Bytes of one image at one byte a value."""
        return int(self.study.dataset(dataset)["recipe"]["channels"]) * image_px**2

    def feature_bytes(self, dataset: str, fidelities: int) -> int:
        """Bytes of one image's features in all networks."""
        widths = 0
        for role in NETWORKS:
            network = self.study.network(dataset, role)
            name = network.get("target", {}).get("architecture", network["spec"]["kind"])
            widths += self.feature_width.get(name, 2048)
        return FLOAT * fidelities * widths

    def network_files(self, dataset: str) -> list[str]:
        """Weights of the evaluation networks that are trained here."""
        paths = [self.study.network_weights(dataset, role) for role in NETWORKS]
        return [path for path in paths if path]

    def network_views(self, dataset: str) -> list[str]:
        """Views of the evaluation networks, each once."""
        return list(
            dict.fromkeys(self.study.network(dataset, role)["view"] for role in NETWORKS)
        )


def _view(dataset: str, name: str) -> str:
    return f"data/{dataset}/views/{name}.safetensors"


def _target(wildcards: Mapping[str, str]) -> Target:
    path = "targets/{dataset}/{architecture}/{treatment}/{samples}/s{seed}"
    found = cells.parse(path.format(**wildcards))
    assert isinstance(found, Target)
    return found


def _attack(wildcards: Mapping[str, str]) -> Attack:
    return Attack(_target(wildcards), wildcards["attack"])


# ---------------------------------------------------------------------------------- data


@_rule("prepare_store")
def _prepare_store(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["dataset"]
    images, folder = shop.images(name), f"data/{name}"
    return Work(
        outputs={
            f"{folder}/pixels.safetensors": images.stored_bytes,
            f"{folder}/index.csv": 120 * images.total,
            f"{folder}/manifest.json": _SMALL,
        },
        decoded=images.total,
        host_bytes=50_000_000,
    )


@_rule("prepare_view")
def _prepare_view(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name, view = wildcards["dataset"], wildcards["view"]
    images, folder = shop.images(name), f"data/{name}"
    size = shop.view_bytes(name, view) + 2 * LONG * images.total
    return Work(
        inputs=tuple(f"{folder}/{f}" for f in ("pixels.safetensors", "index.csv", "manifest.json")),
        outputs={_view(name, view): size},
        resized=images.total,
        # The store is mapped into memory; its pages count until they are needed elsewhere.
        host_bytes=min(images.stored_bytes, 1e9),
    )


@_rule("check_data")
def _check_data(shop: Workshop, _: Mapping[str, str]) -> Work:
    names = shop.study.scale["datasets"]
    return Work(
        inputs=tuple(f"data/{name}/manifest.json" for name in names),
        outputs={"data/acceptance.json": _SMALL},
        host_bytes=sum(min(shop.images(name).stored_bytes, 1e9) for name in names),
    )


# -------------------------------------------------------------------------------- priors


@_rule("train_prior")
def _train_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["prior"]
    unit = units.prior(shop.study, name)
    recipe = shop.study.prior(name)["source"]["recipe"]
    home = shop.study.scale["trained_priors"]
    home = home if home == "priors" else f"../../{home}"
    return Work(
        calls=((unit, float(recipe["steps"] * recipe["batch_size"])),),
        outputs={f"{home}/{name}/{part}.safetensors": 1e6 for part in _NETWORKS_OF_A_PRIOR},
        gpu=True,
    )


_NETWORKS_OF_A_PRIOR = ("generator", "discriminator")


@_rule("import_prior")
def _import_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["prior"]
    pool = next(p for p, entry in shop.study.scale["pools"].items() if entry["prior"] == name)
    side = shop.study.prior(name)["image_px"]
    weights = shop.weigh(shop.render(pool, side))
    return Work(
        # A discriminator has about as many weights.
        outputs={f"priors/{name}/{part}.safetensors": weights for part in _NETWORKS_OF_A_PRIOR},
        host_bytes=6 * weights,
    )


@_rule("synthesise_pool")
def _synthesise_pool(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name, side = wildcards["pool"], int(wildcards["image_px"])
    size = shop.study.pool(name)["size"]
    unit = shop.render(name, side)
    channels = unit.settings["generator"]["image_channels"]
    held = size * (FLOAT * channels * side**2 + shop.w_bytes(name))
    return Work(
        calls=((unit, size),),
        inputs=(shop.generator(name),),
        outputs={f"priors/pools/{name}-{side}.safetensors": held},
        gpu=True,
        host_bytes=3 * held,
    )


# ------------------------------------------------------------------------------- targets


@_rule("train_target")
def _train_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    target = _target(wildcards)
    study, images = shop.study, shop.images(target.dataset)
    count = train_images(study, target, images)
    unit, view = units.train(study, target), study.architecture(target.architecture)["view"]
    weights = shop.weigh(shop.classify(target))
    epochs, own = unit.settings["recipe"]["epochs"], shop.view_bytes(target.dataset, view, count)
    judged = count + images.test
    if unit.settings["recipe"].get("keep") == "best":
        judged += epochs * images.test
    return Work(
        calls=((unit, float(epochs * count)), (shop.classify(target), float(judged))),
        inputs=(_view(target.dataset, view),),
        outputs={
            f"{target.path}/weights.safetensors": weights,
            f"{target.path}/history.csv": 80 * epochs,
            f"{target.path}/metrics.json": _SMALL,
        },
        gpu=True,
        host_bytes=own + shop.view_bytes(target.dataset, view, images.test) + 4 * weights,
        device_bytes=own,
        state_bytes=3 * weights,  # weights and Adam's two moments
    )


# ------------------------------------------------------------------------------- attacks


@_rule("sample_candidates")
def _sample_candidates(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = _attack(wildcards)
    settings, side = shop.study.attack(attack), shop.study.image_px(attack.target)
    pool, classes = settings["pool"], shop.study.classes(attack.target.dataset)
    size = shop.study.pool(pool)["size"]
    views = 2 if settings["sampling"].get("flip_average", True) else 1
    each = shop.w_bytes(pool) + LONG + FLOAT
    images = size * FLOAT * shop.image_bytes(attack.target.dataset, side)
    return Work(
        calls=((shop.classify(attack.target), float(views * size)),),
        inputs=(
            f"{attack.target.path}/weights.safetensors",
            f"priors/pools/{pool}-{side}.safetensors",
        ),
        outputs={
            f"{attack.path}/candidates.safetensors": classes
            * settings["sampling"]["candidates_per_class"]
            * each
        },
        gpu=True,
        host_bytes=images + 3 * size * classes * FLOAT + shop.weigh(shop.classify(attack.target)),
    )


@_rule("optimise_latents")
def _optimise_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, chunk = _attack(wildcards), wildcards["chunk"]
    settings = shop.study.attack(attack)
    count = len(cells.classes_of(chunk)) * settings["sampling"]["candidates_per_class"]
    unit = units.attack(shop.study, attack.target, settings, shop.batches)
    steps, w = settings["optimisation"]["steps"], shop.w_bytes(settings["pool"])
    inputs = [
        f"{attack.target.path}/weights.safetensors",
        shop.generator(settings["pool"]),
        f"{attack.path}/candidates.safetensors",
    ]
    if unit.settings["discriminator_weight"]:
        inputs.append(shop.generator(settings["pool"]).replace("generator", "discriminator"))
    if unit.settings["feature_weight"]:
        side = shop.study.image_px(attack.target)
        inputs.append(f"priors/pools/{settings['pool']}-{side}.safetensors")
    size = count * w + len(cells.classes_of(chunk)) * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        inputs=tuple(inputs),
        outputs={f"{attack.path}/optimised/{chunk}.safetensors": size},
        gpu=True,
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


@_rule("select_latents")
def _select_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, chunk = _attack(wildcards), wildcards["chunk"]
    settings, target = shop.study.attack(attack), attack.target
    classes, each = len(cells.classes_of(chunk)), settings["sampling"]["candidates_per_class"]
    transforms = settings["selection"]["iterations"]
    side, batch = shop.study.image_px(target), min(shop.batches.forward, transforms * each)
    rate = units.rate(shop.study, target.dataset, target.architecture, batch)
    render = units.render(
        shop.study, settings["pool"], side, min(shop.batches.forward, each)
    )
    kept = settings["selection"]["n_selected"]
    size = classes * kept * (shop.w_bytes(settings["pool"]) + LONG + FLOAT)
    return Work(
        calls=((render, float(classes * each)), (rate, float(classes * each * transforms))),
        inputs=(
            f"{target.path}/weights.safetensors",
            shop.generator(settings["pool"]),
            f"{attack.path}/optimised/{chunk}.safetensors",
        ),
        outputs={f"{attack.path}/selected/{chunk}.safetensors": size},
        gpu=True,
        host_bytes=2 * classes * each * shop.w_bytes(settings["pool"])
        + shop.weigh(shop.classify(target)),
        device_bytes=each * FLOAT * shop.image_bytes(target.dataset, side),
        state_bytes=classes * each * FLOAT,
    )


@_rule("merge_latents")
def _merge_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, stage = _attack(wildcards), wildcards["stage"]
    rule = {"optimised": "optimise_latents", "selected": "select_latents"}[stage]
    chunks = shop.study.chunks(attack.target.dataset)
    parts = [shop.work(Job.of(rule, **{**wildcards, "chunk": chunk})).outputs for chunk in chunks]
    size = sum(sum(part.values()) for part in parts)
    return Work(
        inputs=tuple(path for part in parts for path in part),
        outputs={f"{attack.path}/{stage}.safetensors": size},
        host_bytes=3 * size,
    )


# ---------------------------------------------------------------------------- evaluation


@_rule("embed_real")
def _embed_real(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["dataset"]
    train, views = shop.images(name).train, shop.network_views(name)
    # Features of both fidelities where a network is fed two ranges: the FID's, at paper scale.
    size = train * (shop.feature_bytes(name, len(FIDELITIES)) + LONG)
    return Work(
        calls=((units.embed_real(shop.study, name, shop.batches), float(train)),),
        inputs=(*(_view(name, view) for view in views), *shop.network_files(name)),
        outputs={f"evaluation/{name}/features.safetensors": size},
        gpu=True,
        host_bytes=sum(shop.view_bytes(name, view, train) for view in views) + 3 * size,
    )


@_rule("embed_attack")
def _embed_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = _attack(wildcards)
    study, settings, name = shop.study, shop.study.attack(attack), attack.target.dataset
    classes = study.classes(name)
    count = classes * settings["selection"]["n_selected"]
    logits = FLOAT * len(FIDELITIES) * classes
    features = count * (shop.feature_bytes(name, len(FIDELITIES)) + logits)
    images = count * HALF * shop.image_bytes(name, study.knowledge(name)["image_px"])
    shown = min(study.scale["evaluation"]["gallery_classes"], classes)
    student = f"{attack.path}/images.safetensors"
    return Work(
        calls=((units.embed_attack(study, attack.target, settings, shop.batches), float(count)),),
        inputs=(
            f"{attack.path}/selected.safetensors",
            shop.generator(settings["pool"]),
            *shop.network_files(name),
        ),
        outputs={
            f"{attack.path}/features.safetensors": features,
            student: images,
            f"{attack.path}/gallery.safetensors": shown
            * shop.image_bytes(name, study.image_px(attack.target)),
        },
        temporary=(student,),
        gpu=True,
        host_bytes=2 * images + 2 * features,  # held, and once more while they are written
        state_bytes=images + features,
    )


@_rule("extract_knowledge")
def _extract_knowledge(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = _attack(wildcards)
    study, settings, name = shop.study, shop.study.attack(attack), attack.target.dataset
    recipe = study.knowledge(name)
    view = study.architecture(recipe["architecture"])["view"]
    count = study.classes(name) * settings["selection"]["n_selected"]
    judge = units.classify(study, name, recipe["architecture"], shop.batches.forward)
    images = count * HALF * shop.image_bytes(name, recipe["image_px"])
    weights = shop.weigh(judge)
    return Work(
        calls=(
            (units.student(study, name), float(recipe["epochs"] * count)),
            (judge, float(count + shop.images(name).total)),
        ),
        inputs=(f"{attack.path}/images.safetensors", _view(name, view)),
        outputs={f"{attack.path}/knowledge.json": _SMALL},
        gpu=True,
        host_bytes=2 * images + 2 * shop.view_bytes(name, view) + 4 * weights,
        device_bytes=images,
        state_bytes=2 * weights,  # weights and SGD's momentum
    )


@_rule("score_attack")
def _score_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = _attack(wildcards)
    name, settings = attack.target.dataset, shop.study.attack(attack)
    kept, classes = settings["selection"]["n_selected"], shop.study.classes(name)
    fid = shop.study.network(name, "fid")
    kind = fid.get("target", {}).get("architecture", fid["spec"]["kind"])
    width = shop.feature_width.get(kind, 2048)
    fakes, reals = kept * classes, shop.images(name).train
    features = (fakes + reals) * shop.feature_bytes(name, len(FIDELITIES))
    # Covariances of both sides, the root of their product, distances within a class.
    pairs = fakes * reals / classes
    flops = len(FIDELITIES) * (2 * (fakes + reals) * width**2 + 60 * width**3)
    flops += 4 * pairs * shop.feature_bytes(name, 1)
    return Work(
        inputs=(
            f"{attack.path}/features.safetensors",
            f"evaluation/{name}/features.safetensors",
            f"{attack.path}/knowledge.json",
        ),
        outputs={f"{attack.path}/metrics.json": _SMALL, f"{attack.path}/per_class.csv": _SMALL},
        flops=flops,
        host_bytes=features + 4 * LONG * (fakes + reals) * width,
    )


# --------------------------------------------------------------------------------- paper


def _metrics(attacks: list[Attack]) -> tuple[str, ...]:
    found = [f"{attack.path}/metrics.json" for attack in attacks]
    return (*found, *dict.fromkeys(f"{attack.target.path}/metrics.json" for attack in attacks))


@_rule("make_table")
def _make_table(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    item = wildcards["item"]
    return Work(
        inputs=_metrics(items.table_attacks(shop.study, item)),
        outputs={f"tables/{item}.{kind}": _SMALL for kind in ("csv", "html", "tex")},
        host_bytes=1e8,
    )


@_rule("run_toy")
def _run_toy(_: Workshop, __: Mapping[str, str]) -> Work:
    return Work(outputs={"toy/toy.safetensors": 1e6, "toy/toy.csv": _SMALL})


@_rule("draw_toy")
def _draw_toy(_: Workshop, wildcards: Mapping[str, str]) -> Work:
    return _drawing(wildcards["item"], ("toy/toy.safetensors",))


@_rule("draw_spread")
def _draw_spread(shop: Workshop, _: Mapping[str, str]) -> Work:
    return _drawing("spread", _metrics(shop.study.attacks))


@_rule("draw_samples")
def _draw_samples(shop: Workshop, _: Mapping[str, str]) -> Work:
    wanted = shop.study.scale["paper"]["figure3"]
    view = shop.study.architecture(wanted["architecture"])["view"]
    galleries = [f"{attack.path}/gallery.safetensors" for attack in items.figure3_attacks(shop.study)]
    return _drawing("figure3", (*galleries, _view(wanted["dataset"], view)))


def _drawing(item: str, inputs: tuple[str, ...]) -> Work:
    outputs = {f"figures/{item}.{kind}": 3e5 for kind in ("png", "pdf")}
    return Work(inputs=inputs, outputs=outputs, host_bytes=2e8)


@_rule("write_report")
def _write_report(shop: Workshop, _: Mapping[str, str]) -> Work:
    return Work(
        inputs=(
            "tables/table1.csv",
            "tables/table2.csv",
            *(f"figures/{item}.png" for item in ("figure1", "figure3", "figure8", "spread")),
            "toy/toy.csv",
            *_metrics(shop.study.attacks),
            "data/acceptance.json",
        ),
        outputs={"report.html": 3e6},
        host_bytes=2e8,
    )
