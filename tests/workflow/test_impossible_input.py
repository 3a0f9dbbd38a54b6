"""Input that cannot be: one plain message each, before anything runs.

The table holds every case by name, as it may stand in a configuration and as it may be typed.
"""

import re
from copy import deepcopy
from dataclasses import dataclass, field

import pytest
import yaml
from mirage.errors import MirageError
from mirage.study import configuration
from projects import ROOT, TINY
from snakemake.utils import update_config

CELL = "orl/resnet-mini/ls0/n3/s1"
ITSELF = "refers to itself"
ONCE = "each part once, in this order: ls"
NO_HOOKS = "looks at hidden activations that inception-v3 does not name"
NO_TEST = "test images, but datasets.orl-whole has none. Expected: a data set whose recipe"
SIBLING = "is no treatment. Expected: that of a sibling of the target, such as ls0.1, whose data "
NO_CELL = "no grid of `targets` has a cell that "
TOO_FEW = "but the pool few holds 12"


SHIPPED, STUDY = (yaml.safe_load(path.read_text()) for path in (ROOT / "config.yaml", TINY))


def tiny(**sections):
    """Changes of the tiny scale."""
    return {"scales": {"tiny": sections}}


def grid(**changes):
    """The tiny scale with a grid more, which holds what is wrong."""
    grids = STUDY["scales"]["tiny"]["targets"]
    return tiny(targets=[*grids, {**grids[0], "treatments": ["ls0"], "seeds": [5], **changes}])


def hookless(**changes):
    """The same on an architecture that names no hidden activations."""
    made = grid(architectures=["inception-v3"], **changes)
    architecture = {"inception-v3": {"paper": None, "view": "square16"}}
    return {"scales": {"tiny": {**made["scales"]["tiny"], "architectures": architecture}}}


def untested(**changes):
    """The same on a data set without a split."""
    whole = {
        "title": "all of some faces", "paper": None, "classes": 3,
        "recipe": {"reader": "orl", "channels": 1,
                   "identities": {"seed": 42, "first": 30, "count": 3}},
        "views": {"square16": {"crop": [0, 10, 92, 92], "image_px": 16}},
    }  # fmt: skip
    made = grid(dataset="orl-whole", attacks=[], **changes)
    return {"scales": {"tiny": {**made["scales"]["tiny"], "datasets": {"orl-whole": whole}}}}


def ppa(**settings):
    """Changes of the tiny scale's attack."""
    return tiny(attacks={"ppa": settings})


def target(treatment, architecture="resnet-mini", dataset="orl"):
    """A path of a target."""
    return f"targets/{dataset}/{architecture}/{treatment}/n3/s1/metrics.json"


def attack(name, cell=CELL):
    """A path of an attack."""
    return f"attacks/{cell}/{name}/metrics.json"


@dataclass(frozen=True)
class Case:
    """Something impossible, and a part of what is told of it.

    Attributes:
        told: the part.
        settings: what is laid over the tiny study.
        path: what is typed; nothing: the settings alone are the case.
    """

    told: str
    settings: dict = field(default_factory=dict)
    path: str = ""


CASES = {
    "impossible β": {
        "zero": Case("mid0: beta is 0.0. Expected: a weight above 0", grid(treatments=["mid0"])),
        "negative": Case("beta is -1.0. Expected: a weight above", grid(treatments=["mid-1"])),
        "in Table 1": Case("beta is 0.0", tiny(paper={"table1": {"defenses": {"orl": ["mid0"]}}})),
        "of who samples": Case("targets[3].attacks: mid0: beta is 0.0",
                               grid(attacks=["ppa+sample@mid0"])),
        "of a stop": Case("mid0: beta is 0.0", grid(treatments=["ls0+stop@mid0"])),
        "typed": Case("mid0: beta is 0.0. Expected: a weight above 0", path=target("mid0")),
        "typed, attacked": Case("beta is -1.0",
                                path=attack("ppa", CELL.replace("ls0", "mid-1"))),
        "typed, measured": Case(
            "beta is 0.0", path=f"measures/{CELL.replace('ls0', 'mid0')}/gradients/metrics.json"
        ),
        "typed, who samples": Case("mid0: beta is 0.0", path=attack("ppa+sample@mid0")),
        "typed, of a stop": Case("mid0: beta is 0.0", path=target("ls0+stop@mid0")),
        "typed in another form": Case("'mid1e-3' is no part of a treatment",
                                      path=target("mid1e-3")),
    },
    "impossible λ": {
        "negative": Case("bido-0.05_0.5: lambda_x is -0.05. Expected: a weight of 0 or more",
                         grid(treatments=["bido-0.05_0.5"])),
        "both zero": Case("not both weights 0", grid(treatments=["bido0_0"])),
        "one": Case("'bido0.05' is no part", grid(treatments=["bido0.05"])),
        "typed, negative": Case("lambda_y is -1.0", path=target("bido0.05_-1")),
        "typed, both zero": Case("not both weights 0", path=target("bido0_0")),
        "typed, one": Case("one of badnets, bidoLAMBDA_X_LAMBDA_Y", path=target("bido0.05")),
    },
    "a defense on an architecture without hooks": {
        "treatment": Case(NO_HOOKS, hookless(treatments=["bido0.05_0.5"])),
        "who samples": Case(NO_HOOKS, hookless(attacks=["ppa+sample@bido0.05_0.5"])),
        "of a stop": Case(NO_HOOKS, hookless(treatments=["ls0+stop@bido0.05_0.5"])),
        "typed": Case(NO_HOOKS, hookless(attacks=[]), target("bido0.05_0.5", "inception-v3")),
        "typed, who selects": Case(
            NO_HOOKS, hookless(attacks=[]),
            attack("ppa+select@bido0.05_0.5", "orl/inception-v3/ls0/n3/s5"),
        ),
    },
    "a swap from another data set": {
        "by name": Case(f"'celeba' after sample@ {SIBLING}", grid(attacks=["ppa+sample@celeba"])),
        "by cell": Case("on the same data set and from the same prior",
                        grid(attacks=["ppa+sample@orl-public/resnet-mini/ls0/n3/s1"])),
        "typed by name": Case(f"'celeba' after sample@ {SIBLING}",
                              path=attack("ppa+sample@celeba")),
        "typed by cell": Case(f"'orl-public' after select@ {SIBLING}",
                              path=attack("ppa+select@orl-public/resnet-mini/ls0/n3/s1")),
    },
    "a swap with itself": {
        "settings": Case("after @ stands the target itself", grid(attacks=["ppa+select@ls0"])),
        "typed": Case("after @ stands the target itself", path=attack("ppa+select@ls0")),
    },
    "a swap from another prior": {
        "by pool": Case("'few' after sample@ is no treatment", grid(attacks=["ppa+sample@few"])),
        "by attack": Case("on the same data set and from the same prior",
                          grid(attacks=["ppa+select@ppa-ce"])),
        "typed by pool": Case("or another pool or prior ask for an attack with these settings",
                              path=attack("ppa+sample@few")),
        "typed by attack": Case(f"'ppa-ce' after sample@ {SIBLING}",
                                path=attack("ppa+sample@ppa-ce")),
    },
    "early stopping at a cell that has no test set": {
        "treatment": Case(NO_TEST, untested(treatments=["ls0.1+stop@ls0"])),
        "typed": Case(NO_TEST, untested(), target("ls0.1+stop@ls0", dataset="orl-whole")),
    },
    "early stopping at itself": {
        "plainly": Case(ITSELF, grid(treatments=["ls0+stop@ls0"])),
        "as hard labels": Case(ITSELF, grid(treatments=["mid0.1+stop@mid0.1", "stop@ls0"])),
        "by a circle": Case(ONCE, grid(treatments=["ls0+stop@ls0+stop@ls0"])),
        "by a longer circle": Case(
            ONCE, grid(treatments=["ls0+stop@ls0.1+stop@ls-0.05+stop@ls0"])
        ),
        "typed": Case(ITSELF, path=target("ls0+stop@ls0")),
        "typed, attacked": Case(ITSELF, path=attack("ppa", CELL.replace("ls0", "ls0+stop@ls0"))),
        "typed circle": Case(ONCE, path=target("ls0+stop@ls0+stop@ls0")),
        "typed stop at a stop": Case("'stop@stop@ls0' is no part of a treatment",
                                     path=target("ls0+stop@stop@ls0")),
    },
    "more candidates than the pool": {
        "attack": Case(f"ppa.sampling.candidates_per_class: 13 candidates, {TOO_FEW}",
                       ppa(sampling={"candidates_per_class": 13})),
        "on a data set": Case(TOO_FEW, ppa(per_dataset={
            "orl": {"sampling": {"candidates_per_class": 13}}})),
        "of a smaller pool": Case(
            "attacks.ppa-ce.sampling.candidates_per_class: 4 candidates, but the pool fewer",
            tiny(pools={"fewer": {"prior": "orl-faces", "size": 3, "seed": 1, "psi": 0.5,
                                  "cutoff": 2, "fidelity": "paper"}},
                 attacks={"ppa-ce": {"pool": "fewer"}}),
        ),
        "typed": Case(TOO_FEW, ppa(sampling={"candidates_per_class": 13}), attack("ppa")),
    },
    "a class list with repeats": {
        "attack": Case("attacks.ppa.classes is [1, 1]. Expected: a list of 2 or more different val",
                       ppa(classes=[1, 1])),
        "on a data set": Case("per_dataset.orl.classes is [0, 2, 0]",
                              ppa(per_dataset={"orl": {"classes": [0, 2, 0]}})),
        "groups": Case("Expected: each class once",
                       tiny(datasets={"orl": {"groups": {"some": [0, 1], "others": "1-3"}}})),
        "typed": Case("different values", ppa(classes=[1, 1]), attack("ppa")),
    },
    "an item without a cell": {
        "few images": Case(
            f"scales.tiny.paper.table4: {NO_CELL}Table 4 shows",
            tiny(paper={"table4": {"architecture": "resnet-mini", "samples": [5],
                                   "attack": "ppa"}}),
        ),
        "swaps": Case(
            f"scales.tiny.paper.table6: {NO_CELL}Table 6 shows. Expected: one with its data set",
            tiny(paper={"table6": {"architecture": "convnet-mini", "samples": 3,
                                   "attacks": ["ppa"]}}),
        ),
        "a figure": Case(
            f"paper.figure2b: {NO_CELL}Figure 2b shows",
            tiny(paper={"figure2b": {"dataset": "orl-public", "architecture": "resnet-mini",
                                     "samples": 3, "attack": "ppa"}}),
        ),
        "a figure of targets": Case(
            "scales.tiny.paper.figure4: config: nothing says how to train targets/orl/resnet-mini/",
            tiny(paper={"figure4": {"samples": 5}}),
        ),
        "typed": Case("paper.table1", tiny(paper={"table1": {"samples": 6}}), "tables/table2.csv"),
        "left out": Case("no rule makes tables/table2.csv", tiny(paper={"table2": None}),
                         "tables/table2.csv"),
    },
}  # fmt: skip
"""What cannot be -> ways to ask for it."""

EVERY = [(what, how) for what, ways in CASES.items() for how in ways]
SETTINGS = [(what, how) for what, how in EVERY if not CASES[what][how].path]
TYPED = [(what, how) for what, how in EVERY if CASES[what][how].path]
FIRST = [(what, next(how for w, how in SETTINGS if w == what)) for what in CASES]


def _plain(told):
    """Hold a message to what all have in common, and return it."""
    message = " ".join(told.split())
    assert not re.search(r"Traceback|File \"|, line \d+|None|<class", message), told
    assert "Expected: " in message or "Did you mean" in message, told
    return message


def test_every_kind_stands_in_the_configuration_and_is_typed():
    for found in (SETTINGS, TYPED):
        assert list(dict.fromkeys(what for what, _ in found)) == list(CASES)


@pytest.mark.parametrize(("what", "how"), SETTINGS)
def test_settings_are_refused(what, how):
    case = CASES[what][how]
    config = deepcopy(SHIPPED)
    for overlay in (STUDY, case.settings):
        update_config(config, deepcopy(overlay))
    with pytest.raises(MirageError) as caught:
        configuration.check(config)
    message = _plain(str(caught.value))
    assert message.startswith("config: ")
    assert case.told in message


@pytest.mark.parametrize(("what", "how"), FIRST + TYPED)
def test_snakemake_says_so_and_runs_nothing(asked, what, how):
    case = CASES[what][how]
    extra = asked.folder / "extra.yaml"
    extra.write_text(yaml.safe_dump(case.settings or {"scale": "tiny"}))
    paths = [case.path] if case.path else []
    done = asked.snakemake("-n", *paths, "--quiet", "host", "--configfile", str(TINY), str(extra),
                           tiny=False, check=False)  # fmt: skip
    assert done.returncode == 1
    # What Snakemake says of itself comes before.
    assert case.told in _plain(done.told.partition("Building DAG of jobs...")[2] or done.told)
    assert not (asked.results / "jobs").exists()
