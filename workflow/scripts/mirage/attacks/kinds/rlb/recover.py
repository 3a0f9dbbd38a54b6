"""The one stage: a policy for each class learns which latents the target takes for the class."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from mirage import finite
from mirage.attacks.given import Given
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.search import Recovered, Search
from mirage.attacks.results import Reconstructed
from mirage.numerics import at_precision, numerics
from mirage.priors.rendering import Prior
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.runtime.spool import Spool, discard

_log = logging.getLogger("mirage")


def run(given: Given) -> Reconstructed:
    """Run the stage."""
    recipe = RlbRecipe.of(given.settings)
    found = recover_latents(given, recipe, given.prior(), given.classifier())
    if lost := int(found.underflowed.sum()):
        _log.warning(
            "%d of %d rewards would have been minus infinity in the published arithmetic "
            "(quirk underflowed-reward), of %d classes",
            lost, len(given.classes) * recipe.episodes, int((found.underflowed > 0).sum()),
        )  # fmt: skip
    failed = int(found.failed.sum())
    finite.tell(failed, int(found.queries.sum()), "answers of the target")
    everyone = torch.ones(len(given.classes), dtype=torch.bool)
    classes = torch.tensor(given.classes)
    return Reconstructed(
        classes, found.latents, found.scores, found.queries, found=everyone, failed=failed
    )


def recover_latents(given: Given, recipe: RlbRecipe, prior: Prior, classifier: Any) -> Recovered:
    """Search for every class.

    Args:
        given: classes, device, state; the seed of networks and draws; the batch is how many images
            the target is shown together at most (those of one class at least).
        recipe: the stage's settings.
        prior: on the device.
        classifier: attacked model, on the device, frozen and in eval mode; ``features`` and
            ``head`` are used.

    Raises:
        MirageError: no test draw of a class got a finite answer.

    Source: RLB-MI's repository (HanGyojin) at commit 3a113bd, ``attack.py`` and ``SAC.py``.
    Deviation: classes run together, and each image is made once (quirk twice-rendered).
    """
    prior, classifier = prior.at(recipe.precision), at_precision(classifier, recipe.precision)
    together = max(given.batch // (2 if recipe.keep == 0 else 3), 1)
    state = given.checkpoint.load() or {}
    parts = []
    if "found.latents" in state:
        parts = [Recovered(*(state[f"found.{name}"] for name in Recovered._fields))]
    done = sum(len(part.latents) for part in parts)
    past = done * recipe.episodes + int(state.get("step", 0)) * together
    progress = Progress("recovery", len(given.classes) * recipe.episodes, past)
    with numerics(recipe.precision, given.device), progress:
        for first in range(done, len(given.classes), together):
            classes = given.classes[first : first + together]
            search = Search(recipe, classes, prior, classifier, given.seed, given.device)
            _run(search, state, _named(parts), given.checkpoint, progress)
            parts.append(search.found())
            answered = parts[-1].scores >= 0
            finite.require_enough(answered, 1, classes, "answers to test draws")
            given.checkpoint.save(_named(parts))
            state = {}
    discard(given.checkpoint)
    return _joined(parts)


def _run(
    search: Search, state: State, finished: State, checkpoint: Checkpoint, progress: Progress
) -> None:
    """Take all steps of some classes; ``state`` is where they were interrupted, if they were."""
    spool, start = Spool(checkpoint), 0
    if "step" in state and spool.resume(state):
        start = int(state["step"])
        search.restore(state, spool.joined())
    episodes, count = search.recipe.episodes, len(search.labels)
    kept = min(start, episodes)  # entries of the replay in the spool

    def state_after(step: int) -> State:
        nonlocal kept
        new = slice(kept, min(step + 1, episodes))
        spool.append({"entries": search.entries[new].cpu(), "rewards": search.rewards[new].cpu()})
        kept = new.stop
        return {**finished, **search.state(), **spool.mark(), "step": torch.tensor(step + 1)}

    for step in range(start, episodes + 1):
        search.take(step)
        progress.advance(count if step < episodes else 0)
        checkpoint.tick(partial(state_after, step))


def _joined(parts: Sequence[Recovered]) -> Recovered:
    return Recovered(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _named(parts: Sequence[Recovered]) -> State:
    """Classes that are done, as they stand in the state."""
    if not parts:
        return {}
    return {f"found.{name}": column for name, column in _joined(parts)._asdict().items()}
