"""Batches and the discriminator's groups, against the network itself."""

import attack_models as models
import pytest
import torch
from mirage import grouping
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.errors import MirageError
from mirage.priors.recipe import PriorRecipe
from mirage.priors.shapes import DiscriminatorConfig
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.study.attack_misfits import attack_misfits

SHAPE = {"image_px": 16, "image_channels": 1, "channel_base": 64, "channel_max": 8}


@pytest.mark.parametrize("group", [1, 3, 4])
def test_what_divides_is_what_the_network_takes(group):
    network = Discriminator(DiscriminatorConfig(**SHAPE, deviation_group=group))
    for size in range(1, 14):
        try:
            network(torch.zeros(size, 1, 16, 16))
            taken = True
        except RuntimeError:
            taken = False
        assert grouping.divides(size, group) == taken


@pytest.mark.parametrize(("count", "size"), [(200, 25), (30, 20), (8, 16), (5, 2), (4, 4)])
def test_batches_are_those_that_are_cut(count, size):
    naive = {len(range(count)[low : low + size]) for low in range(0, count, size)}
    assert set(grouping.batch_sizes(count, size)) == naive


def test_the_message_names_the_sizes_that_fit():
    assert grouping.misfit(200, 20, 4) == ""
    told = grouping.misfit(200, 25, 4)
    assert "batches of 25 are no multiple of the 4" in told
    fitting = told.rsplit(" of ", 1)[1].partition(" and ")[0].split(", ")
    assert {int(size) % 4 for size in fitting} == {0}
    assert "batches of 6" in grouping.misfit(30, 8, 4)  # the short last batch
    assert grouping.misfit(10, 1, 4) == ""


def _scale(candidates=200, group=None, **optimisation):
    discriminator = {} if group is None else {"deviation_group": group}
    trained = {"kind": "trained", "recipe": {"discriminator": discriminator}}
    return {
        "attacks": {
            "ppa": {
                "kind": "ppa", "title": "", "pool": "pool",
                "sampling": {"candidates_per_class": candidates},
                "optimisation": {"steps": 1, "discriminator_weight": 0.01, **optimisation},
                "selection": {"n_selected": 1},
            }
        },
        "targets": [],
        "pools": {"pool": {"prior": "prior", "size": 1000}},
        "priors": {"prior": {"source": {"kind": "pickle"} if group is None else trained}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scale", "fits"),
    [
        (_scale(batch_size=25), False),
        (_scale(), False),  # the default, 25
        (_scale(batch_size=20), True),
        (_scale(batch_size=25, group=5), True),
        (_scale(batch_size=20, group=3), False),
        (_scale(candidates=30, batch_size=20), False),
        (_scale(candidates=30, batch_size=28), True),  # the last batch, of 2, is smaller than 4
        (_scale(batch_size=25, discriminator_weight=0), True),
    ],
)
def test_the_configuration_is_refused_when_it_is_read(scale, fits):
    found = list(attack_misfits(scale, "ppa", "any"))
    assert bool(found) != fits
    assert all("optimisation.batch_size" in problem for problem in found)


def test_the_default_batch_of_planning_is_that_of_the_recipe():
    size = OptimisationRecipe(steps=1).batch_size
    told = grouping.misfit(200, size, 4)
    assert any(told in problem for problem in attack_misfits(_scale(), "ppa", "any"))


def test_a_file_with_another_group_is_refused_before_the_first_step():
    recipe = OptimisationRecipe(steps=1, batch_size=5, discriminator_weight=0.01)
    network = Discriminator(DiscriminatorConfig(**SHAPE))
    with pytest.raises(MirageError, match=r"batches of 5 are no multiple of the 4 images"):
        optimise_latents(
            models.given([0], 9, 9), recipe, models.pipeline(), models.classifier(),
            models.latents(1, 10), discriminator=network,
        )  # fmt: skip


def test_a_prior_is_trained_on_whole_groups():
    with pytest.raises(MirageError, match="batch_size is 6"):
        PriorRecipe.of({"generator": SHAPE, "discriminator": SHAPE, "steps": 1, "batch_size": 6})
