"""Files of the stages and the joining of chunks."""

import pytest
import torch
from mirage.attacks.results import Candidates, Optimised, join_chunks, load_result, save_result
from mirage.errors import MirageError
from mirage.runtime import files


def _chunk(*classes):
    labels = torch.tensor(classes)
    latents = labels.float()[:, None, None].expand(-1, 2, 3)
    return Optimised(labels, latents, labels.float()[:, None].expand(-1, 4))


def _save(folder, *chunks, metadata=None):
    paths = []
    for number, classes in enumerate(chunks):
        paths.append(folder / f"{number}.safetensors")
        save_result(paths[-1], _chunk(*classes), metadata or {"seed": 42})
    return paths


def test_what_is_saved_is_loaded(tmp_path):
    (path,) = _save(tmp_path, (3, 1))
    again = load_result(Optimised, path)
    assert torch.equal(again.classes, torch.tensor([3, 1]))
    assert torch.equal(again.latents, _chunk(3, 1).latents)


def test_chunks_join_in_the_order_of_the_classes(tmp_path):
    paths = _save(tmp_path, (5, 2), (0,), (4, 9))
    tensors, header = join_chunks(paths, [0, 2, 4, 5, 9])
    assert header == files.read_metadata(paths[0])
    joined = Optimised(**tensors)
    assert joined.classes.tolist() == [0, 2, 4, 5, 9]
    assert joined.latents[:, 0, 0].tolist() == [0, 2, 4, 5, 9]
    assert joined.losses[:, 3].tolist() == [0, 2, 4, 5, 9]


@pytest.mark.parametrize(
    ("chunks", "faulty"),
    [
        (((0, 1), (3,)), "2"),
        (((0, 1), (1, 2, 3)), "1"),
        (((0, 1, 2), (3, 7)), "7"),
        (((0, 1, 1), (3, 7)), "1, 2, 7"),
    ],
)
def test_faulty_covers_are_named(tmp_path, chunks, faulty):
    with pytest.raises(MirageError, match=rf"twice or unasked: {faulty}\."):
        join_chunks(_save(tmp_path, *chunks), range(4))


def test_chunks_of_different_attacks_do_not_join(tmp_path):
    (tmp_path / "other").mkdir()
    paths = _save(tmp_path, (0,)) + _save(tmp_path / "other", (1,), metadata={"seed": 43})
    with pytest.raises(MirageError, match="different attacks"):
        join_chunks(paths, [0, 1])


def test_the_stage_must_match(tmp_path):
    (path,) = _save(tmp_path, (0,))
    with pytest.raises(MirageError, match="Candidates"):
        load_result(Candidates, path)


def test_rows_of_some_classes_are_taken_by_class(tmp_path):
    (path,) = _save(tmp_path, (2, 5, 9))
    some = load_result(Optimised, path, [9, 2])
    assert some.classes.tolist() == [9, 2]
    assert some.latents[:, 0, 0].tolist() == [9, 2]
    with pytest.raises(MirageError, match="lacks the attacked classes 3"):
        load_result(Optimised, path, [2, 3])
