"""The one stage: a policy for each class learns which latents the target takes for the class."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks.given import Given
from mirage.attacks.kinds.rlb.draws import PASSES, Draw, EpisodeDraws
from mirage.attacks.kinds.rlb.learner import Learner
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.reward import JudgedImages, judged, reward
from mirage.attacks.results import Reconstructed
from mirage.numerics import at_precision, numerics
from mirage.priors.rendering import Prior
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.runtime.spool import Spool, discard
from mirage.targets.noise import rows_of, width_of

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


class Recovered(NamedTuple):
    """The best test draw of each class.

    Attributes:
        latents: [K, 1, z_dim].
        scores: the target's probability of the class, [K, 1].
        queries: images that the target was asked about, as published, int64 [K].
        underflowed: rewards that would have been -inf in the published arithmetic, int64 [K].
        failed: rewards and test draws that were no finite number, int64 [K].
    """

    latents: Tensor
    scores: Tensor
    queries: Tensor
    underflowed: Tensor
    failed: Tensor


class Search:
    """All episodes of some classes, in step with one another.

    An action of the policy needs nothing of other classes, and neither do networks, replay and
    draws: a class's result depends on its company by float rounding alone (which training
    amplifies: trajectories may part, their statistics do not).

    Attributes:
        learner: of all classes.
        entries: states and actions so far, [episodes, K, 2 * z_dim].
        rewards: of them, [episodes, K].
        best: latent of the surest test draw of each class, [K, z_dim].
        surest: its probability, [K]; below 0 before the first that is finite.
        underflowed: see ``Recovered``.
        failed: see ``Recovered``.
    """

    def __init__(
        self,
        recipe: RlbRecipe,
        classes: Sequence[int],
        prior: Prior,
        classifier: Any,
        seed: int,
        device: str,
    ) -> None:
        """Draw the learner; the arguments are those of ``recover_latents``."""
        self.recipe, self.prior, self.classifier = recipe, prior, classifier
        z_dim, count = prior.z_dim, len(classes)
        self.labels = torch.tensor(classes, device=device)
        self.draws = EpisodeDraws(recipe, classes, seed, z_dim, width_of(classifier), device)
        self.learner = Learner(recipe, classes, seed, z_dim, device)
        self.entries = torch.empty(recipe.episodes, count, 2 * z_dim, device=device)
        self.rewards = torch.empty(recipe.episodes, count, device=device)
        self.best = torch.zeros(count, z_dim, device=device)
        self.surest = torch.full((count,), -1.0, device=device)
        self.underflowed = torch.zeros(count, dtype=torch.int64, device=device)
        self.failed = torch.zeros_like(self.underflowed)

    @torch.no_grad()
    def take(self, step: int) -> None:
        """Act in episode ``step``, and in the test draw of the episode before.

        No update lies between the two, so one pass serves both. Pass 0 has no test draw before it,
        and pass ``episodes`` is the last test draw alone.
        """
        draw = self.draws.at(step)
        actions = self.learner.act(draw.states, draw.noise)  # [K, 2, z_dim]
        latents = torch.lerp(actions, draw.states, self.recipe.keep)
        seen, tried = self._ask(latents, actions, draw)
        if step > 0:
            self._keep_best(tried, seen.confidence[:, -1])
        if step < self.recipe.episodes:
            self._learn(step, torch.cat([draw.states[:, 0], actions[:, 0]], dim=1), seen, draw)

    def _ask(self, latents: Tensor, actions: Tensor, draw: Draw) -> tuple[JudgedImages, Tensor]:
        """The target's answers to the three images [K, 3], and the latent of the test draw.

        Where latent and action are one (``keep`` 0), their image is made once; the target is asked
        twice if it answers with noise (quirk twice-rendered).
        """
        if self.recipe.keep == 0:
            shown, places = latents, [0, 0, 1]
        else:
            shown = torch.stack([latents[:, 0], actions[:, 0], latents[:, 1]], dim=1)
            places = [0, 1, 2]
        count = shown.shape[1]
        images = self.prior.generate(shown.flatten(0, 1), self.labels.repeat_interleave(count))
        told = self.classifier.features(images).unflatten(0, (-1, count))
        features = torch.stack([told[:, place] for place in places], dim=1)
        noise = draw.target_noise.flatten(0, 1) if draw.target_noise.shape[-1] else None
        device = features.device
        logits = self.classifier.head(features.flatten(0, 1), *rows_of(noise, slice(None), device))
        return judged(logits.unflatten(0, (-1, PASSES)), self.labels), latents[:, 1]

    def _keep_best(self, tried: Tensor, confidence: Tensor) -> None:
        """Of equal confidences the newest stays (quirk newest-of-equals); NaN never does."""
        better = confidence >= self.surest
        self.surest = torch.where(better, confidence, self.surest)
        self.best = torch.where(better[:, None], tried, self.best)
        self.failed += ~confidence.isfinite()

    def _learn(self, step: int, entry: Tensor, seen: JudgedImages, draw: Draw) -> None:
        got = reward(seen, self.recipe)
        self.underflowed += got.underflowed
        self.failed += got.failed
        self.entries[step], self.rewards[step] = entry, got.values
        if step + 1 > self.recipe.batch_size:
            # Row numbers in the replay as one long list of [episodes * K].
            count = len(self.labels)
            rows = draw.picked * count + torch.arange(count, device=entry.device)[:, None]
            self.learner.update(
                self.entries.flatten(0, 1)[rows], self.rewards.flatten()[rows], draw.update_noise
            )

    def state(self) -> State:
        """All but the replay, which a spool keeps."""
        found = {"best": self.best, "surest": self.surest}
        return found | self._counts() | self.learner.state()

    def restore(self, state: State, replay: State) -> None:
        """Take over what ``state`` returned, and the replay so far."""
        for name in ("best", "surest"):
            getattr(self, name).copy_(state[name])
        for name, value in self._counts().items():
            value.copy_(state[name])
        self.learner.restore(state)
        held = len(replay["rewards"])
        self.entries[:held], self.rewards[:held] = replay["entries"], replay["rewards"]

    def found(self) -> Recovered:
        """The result so far, on the CPU."""
        queries = torch.full_like(self.failed, PASSES * self.recipe.episodes)
        best = self.best[:, None], self.surest[:, None]
        return Recovered(*(part.cpu() for part in (*best, queries, self.underflowed, self.failed)))

    def _counts(self) -> dict[str, Tensor]:
        return {"underflowed": self.underflowed, "failed": self.failed}


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
