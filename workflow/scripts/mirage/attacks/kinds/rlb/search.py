"""The search: all episodes of some classes, in step with one another."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mirage.attacks.kinds.rlb.draws import PASSES, Draw, EpisodeDraws
from mirage.attacks.kinds.rlb.learner import Learner
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.reward import JudgedImages, judged, reward
from mirage.priors.rendering import Prior
from mirage.runtime.checkpoint import State
from mirage.targets.noise import rows_of, width_of


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
