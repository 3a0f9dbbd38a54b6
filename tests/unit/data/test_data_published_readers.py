"""FaceScrub, CelebA, its 64 px lists and ImageNette on generated trees of the real layout."""

import io
from pathlib import Path

import numpy as np
import pytest
from mirage.data import readers
from mirage.data.dataset import DatasetRecipe, select_photos
from mirage.data.store import Store, prepare_store
from mirage.errors import MirageError
from PIL import Image

SPLIT = {"rule": "published", "seed": 42, "train_share": 0.9}
WNIDS = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079", "n03394916", "n03417042",
         "n03425413", "n03445777", "n03888257"]  # fmt: skip


def _jpeg(number, size=(6, 5)):
    """A small JPEG whose first row tells its number."""
    pixels = np.full((size[1], size[0], 3), number % 251, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


JPEGS = [_jpeg(number) for number in range(251)]


def _fill(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(JPEGS[number % 251])


@pytest.fixture(scope="module")
def facescrub(tmp_path_factory):
    """530 people with 6 photographs each, and what else lies about in downloads."""
    folder = tmp_path_factory.mktemp("facescrub")
    rng = np.random.default_rng(0)
    endings = [".jpeg", ".jpg", ".JPG", ".png", ".jpeg", ".Jpeg"]
    for group, people in (("actors", 265), ("actresses", 265)):
        for person in range(people):
            # names of other lengths and letters: plain order is not the order of creation
            name = f"{'AbZzé_'[person % 6]}{rng.integers(10**6)}_{person}"
            numbers = rng.permutation(1000)[:6]
            files = [f"{name}_{n}_{i}{end}" for i, (n, end) in
                     enumerate(zip(numbers, endings, strict=True))]  # fmt: skip
            _fill(folder / group / "faces" / name, files)
        (folder / group / "images" / name).mkdir(parents=True)  # whole photographs: not ours
        (folder / group / "faces" / name / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    return folder


def _official(folder):
    """Paths and labels as the official loader has them: two ImageFolders one after the other."""
    from torchvision.datasets import ImageFolder

    first, second = (ImageFolder(str(folder / group / "faces")) for group in
                     ("actors", "actresses"))  # fmt: skip
    shifted = [(path, label + len(first.classes)) for path, label in second.samples]
    return [*first.samples, *shifted], [*first.classes, *second.classes]


def test_facescrub_has_the_official_order_and_split(facescrub, tmp_path):
    samples, classes = _official(facescrub)
    recipe = {"reader": "facescrub", "source": str(facescrub), "classes": 530, "split": SPLIT}
    manifest = prepare_store(DatasetRecipe.of(recipe), tmp_path, workers=2)
    store = Store(tmp_path)
    assert store.identities == classes
    assert [str(facescrub / entry.name) for entry in store.index] == [path for path, _ in samples]
    assert store.labels.tolist() == [label for _, label in samples]
    indices = list(range(len(samples)))
    np.random.seed(42)  # the legacy global generator itself
    np.random.shuffle(indices)
    kept = int(0.9 * len(samples))
    assert store.members("train").tolist() == indices[:kept]
    assert store.members("test").tolist() == indices[kept:]
    assert (manifest["images"], manifest["train"]) == (3180, 2862)
    assert [name.split("/")[-1] for name in manifest["left_alone"]] == ["Thumbs.db"] * 2


def test_facescrub_class_count_is_held_to(facescrub):
    recipe = DatasetRecipe.of({"reader": "facescrub", "source": str(facescrub), "classes": 529})
    with pytest.raises(MirageError, match=r"530 identities. Expected: 529"):
        select_photos(recipe)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: f.mkdir(), r"actors/faces is no folder.*one folder per person"),
        (lambda f: _fill(f / "actors/faces/a", ["1.jpg"]), "actresses/faces is no folder"),
        (
            lambda f: [_fill(f / g / "faces/a", ["1.jpg"]) for g in ("actors", "actresses")],
            "a among actors and actresses",
        ),
        (
            lambda f: [_fill(f / "actors/faces/a", ["1.jpg"]),
                       _fill(f / "actresses/faces/b", ["Thumbs.db"])],
            "without photographs: actresses/faces/b",
        ),
    ],
)  # fmt: skip
def test_facescrub_refuses(tmp_path, make, message):
    make(tmp_path / "fs")
    with pytest.raises(MirageError, match=message):
        readers.list_photos("facescrub", {"folder": tmp_path / "fs"})


@pytest.fixture(scope="module")
def celeba(tmp_path_factory):
    """4,000 photographs of 300 people: many with the same number of photographs."""
    folder = tmp_path_factory.mktemp("celeba")
    rng = np.random.default_rng(1)
    counts = rng.choice([12, 13, 14, 15], 300, p=[0.4, 0.3, 0.2, 0.1])
    numbers = rng.permutation(10_177)[:300] + 1
    owners = rng.permutation(np.repeat(numbers, counts))
    lines = [f"{i:06d}.jpg {owner}\n" for i, owner in enumerate(owners, 1)]
    (folder / "identity_CelebA.txt").write_text("".join(lines))
    _fill(folder / "img_celeba", [f"{i:06d}.jpg" for i in range(1, len(owners) + 1)])
    return folder, owners


def _celeba_recipe(folder, **changes):
    values = {
        "reader": "celeba",
        "source": {
            "images": str(folder / "img_celeba"),
            "identities": str(folder / "identity_CelebA.txt"),
        },
        "identities": {"rule": "most_images", "count": 100},
        "split": SPLIT,
    }
    return DatasetRecipe.of(values | changes)


def test_celeba_ranking_ties_and_split(celeba, tmp_path):
    folder, owners = celeba
    people, first, counts = np.unique(owners, return_index=True, return_counts=True)
    ranked = people[np.lexsort((first, -counts))][:100]
    assert counts[np.isin(people, ranked)].min() == counts.min() + 1  # a tie is cut in two
    tied = counts == counts.min() + 1
    assert 0 < np.isin(people[tied], ranked).sum() < tied.sum()
    prepare_store(_celeba_recipe(folder), tmp_path)
    store = Store(tmp_path)
    assert store.identities == [str(person) for person in ranked]
    indices = np.where(np.isin(owners, ranked))[0]
    assert [entry.name for entry in store.index] == [f"{i + 1:06d}.jpg" for i in indices]
    label_of = {person: label for label, person in enumerate(ranked)}
    assert store.labels.tolist() == [label_of[owners[i]] for i in indices]
    shuffled = indices.copy()
    np.random.seed(42)
    np.random.shuffle(shuffled)
    kept = int(0.9 * len(shuffled))
    train = [int(store.index[i].name[:6]) - 1 for i in store.members("train")]
    assert train == shuffled[:kept].tolist()


def test_celeba_takes_crops_saved_as_png(celeba):
    folder, _ = celeba
    jpeg = folder / "img_celeba" / "000007.jpg"
    content = jpeg.read_bytes()
    jpeg.unlink()
    recipe = _celeba_recipe(folder, identities=None)
    try:
        with pytest.raises(MirageError, match=r"1 of \d+ listed photographs are missing.*000007"):
            select_photos(recipe)
        jpeg.with_suffix(".png").write_bytes(content)
        photo = select_photos(recipe).photos[6]
        assert (photo.name, photo.path.name) == ("000007.jpg", "000007.png")
    finally:
        jpeg.with_suffix(".png").unlink(missing_ok=True)
        jpeg.write_bytes(content)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "no source 'images'"),
        ({"images": "."}, "no source 'identities'"),
        ({"images": ".", "identities": "x", "folder": "."}, "takes no source 'folder'"),
    ],
)
def test_sources_by_role(source, message):
    with pytest.raises(MirageError, match=message):
        select_photos(DatasetRecipe.of({"reader": "celeba", "source": source}))


@pytest.fixture
def celeba64(tmp_path):
    """12 private people with 30 photographs and 20 public ones, in the lists' format."""
    rng = np.random.default_rng(2)
    owners = rng.permutation(np.repeat(np.arange(32) * 7 + 3, 30))
    names = [f"{i:06d}" for i in range(1, len(owners) + 1)]
    _fill(tmp_path / "aligned", [f"{name}.jpg" for name in names])
    pairs = list(zip(names, owners, strict=True))
    (tmp_path / "identity.txt").write_text("".join(f"{n}.jpg {o}\n" for n, o in pairs))
    lists = {"trainset": [], "testset": [], "ganset": []}
    for label, owner in enumerate(sorted(set(owners))):
        own = rng.permutation([name for name, o in pairs if o == owner])
        if label < 12:
            lists["testset"] += [f"{name}.png {label}" for name in own[:3]]
            lists["trainset"] += [f"{name}.png {label}" for name in own[3:]]
        else:
            lists["ganset"] += [f"{name}.png" for name in own[:25]]
    (tmp_path / "lists").mkdir()
    for name, lines in lists.items():
        (tmp_path / "lists" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    source = {"images": "aligned", "lists": "lists", "identities": "identity.txt"}
    return {role: str(tmp_path / place) for role, place in source.items()}, lists


def _celeba64(source, reader="celeba64", **changes):
    split = {"split": {"rule": "listed"}} if reader == "celeba64" else {}
    return DatasetRecipe.of({"reader": reader, "source": source} | split | changes)


def test_celeba64_is_as_listed(celeba64, tmp_path):
    source, lists = celeba64
    prepare_store(_celeba64(source, classes=12), tmp_path / "store")
    store = Store(tmp_path / "store")
    for split in ("train", "test"):
        members = store.members(split)
        rows = [f"{store.index[i].name[:6]}.png {store.labels[i]}" for i in members]
        assert rows == lists[f"{split}set"]
    assert [int(name) for name in store.identities] == sorted(map(int, store.identities))
    prepare_store(_celeba64(source, "celeba64-public"), tmp_path / "public")
    public = Store(tmp_path / "public")
    assert [f"{entry.name[:6]}.png" for entry in public.index] == lists["ganset"]
    assert len(public.members("train")) == 20 * 25
    assert not set(public.identities) & set(store.identities)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lists: lists["trainset"].append(lists["testset"][0]), "is in trainset.txt and"),
        (lambda lists: lists["testset"].append(f"{lists['ganset'][0]} 3"), "has label 3 and shows"),
        (lambda lists: lists["testset"].append("999999.png 3"), "not in CelebA's identity file"),
        (lambda lists: lists["testset"].append(f"{lists['ganset'][0]} 13"), "labels have gaps"),
        (lambda lists: lists["testset"].append("x.png"), r"testset\.txt, line 37: 1 columns"),
        (lambda lists: lists["testset"].append("x.png -1"), r"line 37: '-1' is no whole number"),
    ],
)
def test_celeba64_refuses_damaged_lists(celeba64, damage, message):
    source, lists = celeba64
    damage(lists)
    for name, lines in lists.items():
        (Path(source["lists"]) / f"{name}.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(MirageError, match=message):
        select_photos(_celeba64(source))


def test_listed_split_needs_lists(photo_folder, tmp_path):
    values = {"reader": "folders", "source": str(photo_folder), "split": {"rule": "listed"}}
    with pytest.raises(MirageError, match="knows no lists"):
        prepare_store(DatasetRecipe.of(values), tmp_path / "store")
    with pytest.raises(MirageError, match=r"train_share of rule listed is 0\.9"):
        DatasetRecipe.of(values | {"split": {"rule": "listed", "train_share": 0.9}})


def test_imagenette_folders_are_the_split(tmp_path):
    from torchvision.datasets import ImageFolder

    for part, count in (("train", 9), ("val", 4)):
        for k, wnid in enumerate(reversed(WNIDS)):
            names = [f"{wnid}_{n}.JPEG" for n in (10, 9, 100, 1)[: count - k % 2]]
            _fill(tmp_path / "set" / part / wnid, names)
    (tmp_path / "set" / "noisy_imagenette.csv").write_text("path\n")
    recipe = {"reader": "imagenette", "source": str(tmp_path / "set"),
              "split": {"rule": "listed"}, "classes": 10}  # fmt: skip
    prepare_store(DatasetRecipe.of(recipe), tmp_path / "store")
    store = Store(tmp_path / "store")
    assert store.identities == WNIDS
    for split, part in (("train", "train"), ("test", "val")):
        samples = ImageFolder(str(tmp_path / "set" / part)).samples
        members = store.members(split)
        paths = [str(tmp_path / "set" / store.index[i].name) for i in members]
        assert list(zip(paths, store.labels[members], strict=True)) == samples
    (tmp_path / "set" / "val" / WNIDS[3]).rename(tmp_path / "gone")
    with pytest.raises(MirageError, match="n03000684"):
        select_photos(DatasetRecipe.of(recipe))
