"""Acceptance of the demo's stores, and of stores with something wrong."""

import json

import pytest
from mirage.data.acceptance import accept, check_disjoint, check_store
from mirage.data.dataset import DatasetRecipe
from mirage.data.published import Published, differences
from mirage.data.store import Store, prepare_store
from mirage.errors import MirageError
from mirage.runtime import files

PER_IDENTITY = {"rule": "per_identity", "seed": 42, "train": 7}


@pytest.fixture(scope="module")
def orl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orl")
    people = {"private": {"seed": 42, "first": 0, "count": 24}, "public": {"seed": 42, "first": 24}}
    for name, identities in people.items():
        values = {"reader": "orl", "channels": 1, "identities": identities, "min_images": 10}
        split = {"split": PER_IDENTITY} if name == "private" else {}
        prepare_store(DatasetRecipe.of(values | split), folder / name)
    return Store(folder / "private"), Store(folder / "public")


def test_orl_counts(orl):
    private, public = orl
    assert (len(private), len(private.identities)) == (240, 24)
    assert (len(private.members("train")), len(private.members("test"))) == (168, 72)
    assert (len(public), len(public.identities)) == (160, 16)
    assert (len(public.members("train")), len(public.members("test"))) == (160, 0)
    for store in orl:
        assert check_store(store) == []
        assert {store.image(i).shape for i in range(len(store))} == {(1, 112, 92)}
        names = [entry.identity for entry in store.index]
        assert {names.count(name) for name in store.identities} == {10}


def test_a_split_that_every_cell_draws_is_no_fault(photo_folder, tmp_path):
    drawn = {"rule": "per_identity", "seed": "cell", "train": 3}
    store = _folders(photo_folder, tmp_path / "store", split=drawn)
    assert [f.text for f in check_store(store) if f.kind == "error"] == []


def test_orl_people_stay_apart(orl):
    assert check_disjoint(*orl) == []
    private, _ = orl
    found = check_disjoint(private, private)
    assert len(found) == 24 + 240


def _folders(folder, target, **changes):
    values = {"reader": "folders", "source": str(folder)} | changes
    prepare_store(DatasetRecipe.of(values), target)
    return Store(target)


def test_a_known_photograph_under_another_name(photo_folder, tmp_path):
    private = _folders(photo_folder, tmp_path / "private")
    other = tmp_path / "others" / "zoe"
    other.mkdir(parents=True)
    (other / "1.png").write_bytes((photo_folder / "bob" / "3.png").read_bytes())
    public = _folders(tmp_path / "others", tmp_path / "public")
    assert check_disjoint(private, public) == [
        "photograph zoe/1.png of the second store is bob/3.png of the first"
    ]
    grey = _folders(tmp_path / "others", tmp_path / "grey", channels=1)
    assert "cannot be compared" in check_disjoint(private, grey)[0]


def test_findings_name_duplicates_leaks_and_unreadable_files(photo_folder, tmp_path):
    photo = (photo_folder / "ann" / "0.png").read_bytes()
    for number in range(12):
        (photo_folder / "ann" / f"copy{number}.png").write_bytes(photo)
    (photo_folder / "bob" / "bad.png").touch()
    split = {"rule": "published", "train_share": 0.5}
    store = _folders(photo_folder, tmp_path / "store", on_broken="skip", split=split)
    duplicate, unreadable = check_store(store)
    assert unreadable == ("note", "left out as unreadable: bob/bad.png (the file is empty)")
    assert duplicate.kind == "warning"
    assert duplicate.text.startswith(
        "same pixels within identity, in train and test: ann/0.png, ann/copy0.png"
    )


def test_a_forged_index_is_found(photo_folder, tmp_path):
    _folders(photo_folder, tmp_path / "store")
    path = tmp_path / "store" / "index.csv"
    path.write_text(path.read_text().replace(",ann,0,", ",ann,1,"))
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    manifest["files"]["index.csv"]["bytes"] = path.stat().st_size
    files.write_json(tmp_path / "store" / "manifest.json", manifest)
    (tmp_path / "store" / ".index.csv.xxh3").unlink()
    found = check_store(Store(tmp_path / "store"))
    assert any(f.kind == "error" and "has blake2b" in f.text for f in found)


def test_identity_without_training_image(photo_folder, tmp_path):
    split = {"rule": "published", "train_share": 0.1}
    store = _folders(photo_folder, tmp_path / "store", split=split)
    texts = [finding.text for finding in check_store(store)]
    assert len(texts) == 2
    assert all(text.endswith("has no training image") for text in texts)


@pytest.mark.parametrize(
    ("published", "told"),
    [
        ({"images": [15, 15], "train": [13, 13], "test": [2, 2]}, None),
        ({"images": [14, 16], "test": [2, 2]}, None),
        ({"images": [37, 40]}, "15 images, the paper's authors had 37 to 40: 22 to 25 fewer. The"),
        ({"images": [9, 12]}, "15 images, the paper's authors had 9 to 12: 3 to 6 more. The split"),
        ({"images": [15, 20], "test": [4, 4]}, "2 test images, the paper's authors had 4: 2 fewer"),
    ],
)
def test_other_counts_than_the_papers_are_a_note_that_says_what_follows(
    photo_folder, tmp_path, published, told
):
    _folders(photo_folder, tmp_path / "faces", split={"rule": "published", "train_share": 0.9})
    report, manifest = tmp_path / "report.json", tmp_path / "faces" / "manifest.json"
    figures = accept([manifest], {"faces": {"classes": 3} | published}, [], report)
    findings = json.loads(report.read_text())["findings"]
    assert figures == {"stores": 1, "notes": len(findings)}
    if told is None:
        assert findings == []
    else:
        assert [finding["kind"] for finding in findings] == ["note", "note"]
        assert findings[0]["text"].startswith(f"faces: {told}")
        assert "other photographs are for training and for testing" in findings[0]["text"]
        assert findings[1]["text"] == "faces: the fewest images are of ann: 4"


def test_wrong_classes_or_shared_people_are_errors(photo_folder, tmp_path):
    _folders(photo_folder, tmp_path / "faces")
    _folders(photo_folder, tmp_path / "public")
    manifests = [tmp_path / name / "manifest.json" for name in ("faces", "public")]
    expected = {"faces": {"classes": 530}, "public": {"classes": 3}}
    with pytest.raises(MirageError, match="faces: 3 identities, expected 530"):
        accept(manifests, expected, [], tmp_path / "report.json")
    expected["faces"]["classes"] = 3
    assert accept(manifests, expected, [], tmp_path / "report.json")["notes"] == 0
    assert json.loads((tmp_path / "report.json").read_text()) == {"passed": True, "findings": []}
    (tmp_path / "report.json").unlink()
    with pytest.raises(MirageError, match="faces and public: identity ann is in both stores"):
        accept(manifests, expected, [("faces", "public")], tmp_path / "report.json")
    assert not (tmp_path / "report.json").exists()


def test_lost_downloads_are_counted(photo_folder, tmp_path):
    (photo_folder / "bob" / "9.jpg").write_text("<html>gone</html>")
    split = {"rule": "published", "train_share": 0.9}
    store = _folders(photo_folder, tmp_path / "faces", on_broken="skip", split=split)
    told = list(differences(store, Published.of({"images": [16, 16]})))
    assert told[0].startswith("15 images, the paper's authors had 16: 1 fewer. The split shuffles")
    assert told[-1] == "1 of the missing images are files that cannot be used, listed here"
    texts = [finding.text for finding in check_store(store)]
    assert "left out as unreadable: bob/9.jpg (a web page, no image)" in texts


def test_impossible_ranges():
    with pytest.raises(MirageError, match=r"published\.test is"):
        Published.of({"test": [5, 4]})
