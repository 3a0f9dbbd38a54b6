"""The shipped manifest, its schema, places, and what people are told."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from mirage.assets.checking import CheckedAsset
from mirage.assets.manifest import Checksum, load_manifest
from mirage.assets.telling import human, instructions, overview, table
from mirage.errors import MirageError
from mirage.study.in_use import assets_in_use
from mirage.study.study import Study

WORKFLOW = Path(__file__).parents[3] / "workflow"
SHIPPED, SCHEMA = WORKFLOW / "presets/assets.yaml", WORKFLOW / "schemas/assets.schema.yaml"
NAMES = {
    "facescrub", "celeba-wild", "celeba-aligned", "celeba-identities",
    "celeba-landmarks", "celeba-landmarks68", "celeba64-lists", "imagenette", "ffhq-stylegan2",
    "facenet-vggface2", "fid-inception", "evaluator-facescrub", "evaluator-celeba",
    "imagenet-resnet152", "imagenet-resnext50", "imagenet-densenet121", "imagenet-inception-v3",
    "imagenet-resnet50",
}  # fmt: skip


@pytest.fixture
def manifest(tmp_path):
    return load_manifest(SHIPPED, SCHEMA, tmp_path)


def test_it_names_everything_the_project_needs(manifest):
    assert set(manifest) >= NAMES
    config = yaml.safe_load((WORKFLOW.parent / "config.yaml").read_text())
    for scale in config["scales"].values():
        manifest.require(scale["assets"], "assets")
        assert all(not manifest[name].later for name in assets_in_use(Study(scale)))


def test_torchvision_agrees(manifest):
    """URLs, sizes and digests are those of the installed torchvision."""
    from torchvision import models

    weights = {
        "imagenet-resnet152": models.ResNet152_Weights.DEFAULT,
        "imagenet-resnext50": models.ResNeXt50_32X4D_Weights.DEFAULT,
        "imagenet-densenet121": models.DenseNet121_Weights.DEFAULT,
        "imagenet-inception-v3": models.Inception_V3_Weights.DEFAULT,
        "imagenet-resnet50": models.ResNet50_Weights.DEFAULT,
        "imagenet-vgg16-bn": models.VGG16_BN_Weights.DEFAULT,
        "imagenet-efficientnet-b0": models.EfficientNet_B0_Weights.IMAGENET1K_V1,
        "imagenet-efficientnet-b1": models.EfficientNet_B1_Weights.IMAGENET1K_V1,
        "imagenet-efficientnet-b2": models.EfficientNet_B2_Weights.IMAGENET1K_V1,
    }
    for name, entry in weights.items():
        facts = manifest[name].file
        assert facts.urls == (entry.url,)
        assert facts.checksum == Checksum("sha256", Path(entry.url).stem.rsplit("-", 1)[1])
        assert facts.about_bytes == round(entry.meta["_file_size"] * 2**20)
        # The unit is MiB: in MB some files would be smaller than their parameters.
        assert facts.about_bytes > 4 * entry.meta["num_params"]


def test_torchvision_agrees_on_celeba_and_imagenette(manifest):
    from torchvision.datasets import CelebA, Imagenette

    digests = {name: md5 for _, md5, name in CelebA.file_list}
    identities = manifest["celeba-identities"].file.checksum
    assert identities == Checksum("md5", digests["identity_CelebA.txt"])
    assert any(digests["img_align_celeba.zip"] in s for s in manifest["celeba-aligned"].manual)
    assert manifest["imagenette"].archive.file.urls == (Imagenette._ARCHIVES["full"][0],)


def test_celeba_lies_in_one_folder(manifest):
    places = [manifest.place(name) for name in manifest if name.startswith("celeba-")]
    assert len({place.parent for place in places}) == 1


def test_only_what_may_be_downloaded_has_an_address(manifest):
    fetchable = {name for name, asset in manifest.items() if asset.fetchable}
    assert not {name for name in fetchable if name.startswith(("celeba-", "facescrub"))}
    assert {"ffhq-stylegan2", "fid-inception", "imagenette", "celeba64-lists"} <= fetchable


def test_places(tmp_path):
    far = load_manifest(
        SHIPPED, SCHEMA, tmp_path,
        {"facescrub": "/data/../data/fs", "celeba-wild": "copies/celeba", "imagenette": "~/in"},
    )  # fmt: skip
    assert far.place("facescrub") == Path("/data/fs")
    assert far.place("celeba-wild") == tmp_path / "copies/celeba"
    assert far.place("imagenette") == Path.home() / "in"
    assert far.place("fid-inception") == tmp_path / "assets/pt_inception-2015-12-05.pth"
    (tmp_path / "copies").symlink_to("elsewhere")
    assert far.place("celeba-wild") == tmp_path / "copies/celeba"


def test_an_unknown_name_gets_a_suggestion(tmp_path):
    with pytest.raises(MirageError, match="Did you mean 'facescrub'"):
        load_manifest(SHIPPED, SCHEMA, tmp_path, {"facescrubb": "/data"})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("fid-inception", "path"), "../outside.pth", "fid-inception.path"),
        (("fid-inception", "path"), "results/x.pth", "fid-inception.path"),
        (("fid-inception", "file", "urls"), ["http://open.example/x"], "http://open.example/x"),
        (("fid-inception", "file", "bytes"), 0, "fid-inception.file.bytes"),
        (("fid-inception", "file", "about_bytes"), 5, "fid-inception.file"),
        (("fid-inception", "file", "checksum", "value"), "no digits", "no digits"),
        (("fid-inception", "file", "checksum", "algorithm"), "crc", "crc"),
        (("fid-inception", "licence"), "", "fid-inception.licence"),
        (("fid-inception", "colour"), "blue", "colour"),
        (("fid-inception", "holds"), [{"path": "x"}], "fid-inception"),
        (("imagenette", "archive", "root"), "/etc", "imagenette.archive.root"),
        (("imagenette", "holds"), [{"path": "a/../../b"}], "imagenette.holds"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path, path, value, message):
    entries = yaml.safe_load(SHIPPED.read_text())
    inner = entries
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (tmp_path / "assets.yaml").write_text(yaml.safe_dump(entries))
    with pytest.raises(MirageError, match=message):
        load_manifest(tmp_path / "assets.yaml", SCHEMA, tmp_path)


def test_a_digest_that_is_too_long_is_refused():
    with pytest.raises(MirageError, match="8 to 32"):
        Checksum("md5", "0" * 40)


def test_the_table_is_aligned(manifest, tmp_path):
    findings = [
        CheckedAsset(
            manifest["fid-inception"], tmp_path / "assets/fid.pth", "verified", "sha256 6…", 9
        ),
        CheckedAsset(manifest["facescrub"], Path("/data/facescrub"), "missing"),
        CheckedAsset(manifest["celeba64-lists"], tmp_path / "x", "wrong", "lacks testset.txt"),
    ]
    lines = table(findings, tmp_path).splitlines()
    for title in ("state", "size", "where", "remark"):
        column = lines[0].index(title)
        assert all(line[column - 1] == " " for line in lines if len(line) > column)
    assert lines[1].split()[:4] == ["fid-inception", "verified", "9", "B"]
    assert lines[2].split() == ["facescrub", "missing", "~1.5", "GB", "/data/facescrub"]
    told = overview(findings[:1], findings[1:], tmp_path, "paper")
    assert told.index("Needed by the scale paper") < told.index("Not needed by it")
    assert "the asset" not in told


def test_instructions_for_each_case(manifest, tmp_path):
    fid, scrub = manifest["fid-inception"], manifest["facescrub"]
    good = CheckedAsset(fid, tmp_path / "f", "present")
    assert instructions([good], tmp_path, "paper") == ""
    told = instructions([replace(good, state="missing")], tmp_path, "paper")
    assert "snakemake fetch_assets --config scale=paper only=fid-inception" in told
    assert fid.manual[0] in told
    told = instructions([CheckedAsset(scrub, tmp_path / "s", "missing")], tmp_path, "paper")
    assert "fetch_assets" not in told
    assert all(step in told for step in scrub.manual)
    told = instructions([replace(good, state="wrong", detail="cut short")], tmp_path, "paper")
    assert "is wrong: cut short" in told
    assert "move away" in told


@pytest.mark.parametrize(
    ("size", "text"),
    [(5, "5 B"), (1_500, "1.5 kB"), (95_628_359, "96 MB"), (10_200_000_000, "10.2 GB")],
)
def test_sizes(size, text):
    assert human(size) == text
