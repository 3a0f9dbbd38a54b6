"""Handwritten digits: the installed table against scikit-learn's own reader, and damaged ones."""

import gzip

import numpy as np
import pytest
from mirage.data import readers
from mirage.data.acceptance import check_store
from mirage.data.dataset import DatasetRecipe
from mirage.data.store import Store, prepare_store
from mirage.data.views import View, ViewRecipe, prepare_view
from mirage.errors import MirageError

TABLE = readers.list_photos("digits", {}).photos[0].path
RECIPE = {
    "reader": "digits",
    "channels": 1,
    "classes": 10,
    "split": {"rule": "published", "seed": "cell", "train_share": 0.8},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    prepare_store(DatasetRecipe.of(RECIPE), folder, workers=2)
    return Store(folder)


def test_digits_are_those_that_scikit_learn_reads(store):
    from sklearn.datasets import load_digits

    theirs = load_digits()
    ours = np.stack([store.image(index)[0] for index in range(len(store))])
    assert ours.shape == (1797, 8, 8)
    assert store.labels.tolist() == theirs.target.tolist()
    assert store.identities == [str(digit) for digit in theirs.target_names]
    np.testing.assert_array_equal(ours, np.floor(theirs.images / 16 * 255 + 0.5))
    assert np.unique(ours).size == 17


def test_digits_pass_the_checks_of_any_data_set(store):
    assert check_store(store) == []
    assert store.manifest["recipe"]["reader"] == "digits"
    assert store.manifest["handled"] == {}


def test_every_seed_divides_the_digits_anew(store, tmp_path):
    prepare_view(store, ViewRecipe(8), tmp_path / "view.safetensors")
    views = [View(tmp_path / "view.safetensors", seed) for seed in (1, 2)]
    for view in views:
        assert (len(view.train), len(view.test)) == (1437, 360)
        assert len(set(view.labels[view.train].tolist())) == 10
    assert views[0].train.tolist() != views[1].train.tolist()
    np.testing.assert_array_equal(views[0].pixels[7], store.image(7))  # 8 px stay as they are


def test_digits_resume_to_the_same_bytes(store, tmp_path, monkeypatch):
    from mirage.errors import Interrupted
    from mirage.runtime import signals

    monkeypatch.setenv("MIRAGE_CHECKPOINT_S", "0")
    monkeypatch.setattr(signals, "listen", lambda: None)
    with monkeypatch.context() as stopping:
        asked = iter([False] * 99 + [True] * 2000)
        stopping.setattr(signals, "stop_requested", lambda: next(asked))
        with pytest.raises(Interrupted):
            prepare_store(DatasetRecipe.of(RECIPE), tmp_path)
    prepare_store(DatasetRecipe.of(RECIPE), tmp_path)
    for name in ("pixels.safetensors", "index.csv"):
        assert (tmp_path / name).read_bytes() == (store.folder / name).read_bytes()


def _damaged(change):
    return gzip.compress(change(gzip.decompress(TABLE.read_bytes())))


def _line(number, new):
    def change(content):
        lines = content.splitlines()
        lines[number - 1] = new(lines[number - 1])
        return b"\n".join(lines)

    return lambda: _damaged(change)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda: b"0,1,2\n", "cannot be unpacked"),
        (lambda: b"", "holds 0 digits"),
        (lambda: TABLE.read_bytes()[:-5000], "cannot be unpacked"),
        (lambda: _damaged(lambda content: content[: content.rindex(b"\n", 0, -1) + 1]), "1,796"),
        (lambda: _damaged(lambda content: content * 5), "more than 1,048,576 bytes"),
        (_line(7, lambda line: line + b",1"), "line 7: 66 values"),
        (_line(9, lambda line: b"17" + line[1:]), "line 9: value 1 is '17'.*0 to 16"),
        (_line(9, lambda line: b"-1" + line[1:]), "line 9: value 1 is '-1'"),
        (_line(3, lambda line: b"nan" + line[1:]), "line 3: value 1 is 'nan'"),
        (_line(1, lambda line: line[:-1] + b"10"), "line 1: value 65 is '10'.*0 to 9"),
        (lambda: _damaged(lambda content: content.replace(b",0\n", b",1\n")), "every digit"),
    ],
)
def test_damaged_tables_of_digits_are_told(tmp_path, content, told):
    (tmp_path / TABLE.name).write_bytes(content())
    with pytest.raises(MirageError, match=told):
        readers.list_photos("digits", {"folder": tmp_path})


def test_a_folder_without_the_table_is_told(tmp_path):
    with pytest.raises(MirageError, match=r"digits\.csv\.gz is missing.*scikit-learn"):
        readers.list_photos("digits", {"folder": tmp_path})
    (tmp_path / TABLE.name).mkdir()
    with pytest.raises(MirageError, match="a folder"):
        readers.list_photos("digits", {"folder": tmp_path})
