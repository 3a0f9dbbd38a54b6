"""Who is shown of the attacked people, and the verdicts on them."""

import hashlib

import numpy as np
import pytest
from mirage.errors import MirageError
from mirage.evaluation.gallery import drawn
from mirage.evaluation.stored import AttackFeatures, best_logits


def _hash(label):
    digest = hashlib.blake2b(f"42\x1fgallery\x1f{label}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def test_the_shown_are_the_first_of_one_draw():
    order = sorted(range(530), key=_hash)
    assert drawn(range(530), 8) == order[:8]
    assert drawn(reversed(range(530)), 8) == order[:8]
    assert order[:8] != sorted(order[:8])


def test_the_first_of_those_kept_are_the_first_of_all():
    kept = sorted(drawn(range(530), 10))
    assert drawn(kept, 8) == drawn(range(530), 8)


def test_another_attack_on_some_of_them_shows_them_in_the_same_order():
    everybody, some = drawn(range(24), 24), {1, 4, 9, 17}
    assert drawn(some, 24) == [label for label in everybody if label in some]
    assert sorted(everybody) == list(range(24))


def test_logits_of_the_best_alone_are_the_first_of_each_class(tmp_path):
    stream = np.random.default_rng(0)
    held = {f"eval.{fidelity}": stream.random((3, 4, 5), dtype=np.float32)
            for fidelity in ("paper", "corrected")}  # fmt: skip
    features = {f"face.{fidelity}": np.zeros((3, 4, 2), np.float32)
                for fidelity in ("paper", "corrected")}  # fmt: skip
    path = tmp_path / "features.safetensors"
    AttackFeatures(np.array([4, 0, 2]), features, held).save(path)
    for fidelity in ("paper", "corrected"):
        classes, logits = best_logits(path, "eval", fidelity)
        assert classes.tolist() == [4, 0, 2]
        assert logits.tolist() == held[f"eval.{fidelity}"][:, [0]].tolist()
    with pytest.raises(MirageError, match="no logits of the evaluation network 'face'"):
        best_logits(path, "face", "paper")
