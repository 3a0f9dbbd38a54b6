"""Both official packagings of FFHQ, imitated with real modules, are imported; no code runs."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mirage.errors import MirageError
from mirage.foreign import known as known_files
from mirage.foreign.known import KnownFile
from mirage.priors import nvidia_pickle, weights

CASES = [
    # The file as converted from TensorFlow: no clamp; Python 3.7 wrote protocol 3.
    ("stylegan2-ada-pytorch", 3, None),
    ("stylegan2-ada-pytorch", 4, 256),
    ("stylegan3", 4, None),
    ("stylegan3", 3, 256),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All imitations, written by processes of their own."""
    folder = tmp_path_factory.mktemp("pickles")
    script = Path(__file__).with_name("official_packagings.py")
    made = {}
    for case in CASES:
        path = folder / f"{case[0]}-{case[1]}.pkl"
        words = [sys.executable, script, path, case[0], str(case[1]), str(case[2] or "none")]
        subprocess.run(words, check=True, cwd=folder)
        made[case] = path
    assert not (folder / "canary").exists()
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-p{case[1]}-{case[2]}")
def test_a_packaging_is_imported_whole_and_runs_nothing(written, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    g, d = tmp_path / "g.safetensors", tmp_path / "d.safetensors"
    record = nvidia_pickle.import_pickle(written[case], g, d, KnownFile(), tmp_path / "m.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".m.json.xxh3", "d.safetensors", "g.safetensors", "m.json",
    ]  # fmt: skip
    assert record["packaging"] == case[0]
    assert record["status"] == "recorded, no published reference"
    assert record["bytes"] == "no checksum published"
    expected = torch.load(written[case].with_suffix(".expected"), weights_only=True)
    generator, discriminator = weights.load_generator(g), weights.load_discriminator(d)
    found = {f"G_ema.{k}": v for k, v in generator.state_dict().items()}
    found |= {f"D.{k}": v for k, v in discriminator.state_dict().items()}
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert generator.config.conv_clamp == discriminator.config.conv_clamp == case[2]
    assert np.isfinite([record["discriminator"], record["w_avg_offset"]]).all()


def test_a_network_of_another_size_is_refused(written, tmp_path):
    paths = tmp_path / "g.safetensors", tmp_path / "d.safetensors"
    with pytest.raises(MirageError, match=r"16 px.*1024 px"):
        nvidia_pickle.import_pickle(
            written[CASES[0]], *paths, KnownFile(), tmp_path / "m.json", image_px=1024
        )
    assert not list(tmp_path.iterdir())


def test_the_canary_would_tell(written, tmp_path):
    """The same file, read as its own code reads it, does run what it carries."""
    script = Path(__file__).with_name("official_packagings.py")
    program = (
        f"import sys, pickle; sys.path.insert(0, {str(script.parent)!r});"
        "import official_packagings as o;"
        "o._home('torch_utils');"
        "o._home('torch_utils.persistence',"
        " _reconstruct_persistent_obj=o._reconstruct_persistent_obj);"
        "o._home('dnnlib'); o._home('dnnlib.util', EasyDict=o.EasyDict);"
        f"pickle.load(open({str(written[CASES[1]])!r}, 'rb'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "code was run" in done.stderr
    assert (tmp_path / "canary").exists()


@pytest.fixture
def answers(written, tmp_path):
    """A folder of published answers, those of the first packaging: the files' paths by name."""
    paths = tmp_path / "before-g.safetensors", tmp_path / "before-d.safetensors"
    nvidia_pickle.import_pickle(written[CASES[0]], *paths, KnownFile(), tmp_path / "before.json")
    z = torch.from_numpy(np.random.RandomState(1).randn(1, 9)).float()
    noise = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    contents = {
        known_files.REFERENCE_IMAGE: weights.load_generator(paths[0])(z).permute(0, 2, 3, 1),
        known_files.REFERENCE_INPUT: noise.permute(0, 2, 3, 1),
        known_files.REFERENCE_VALUE: weights.load_discriminator(paths[1])(noise),
    }
    for name, content in contents.items():
        path = tmp_path / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, content.numpy())
    return tmp_path / "reference"


def _import(pickled, answers, folder):
    """What is recorded, and the two weight files."""
    folder.mkdir()
    paths = folder / "g.safetensors", folder / "d.safetensors"
    memory = folder / "memory.json"
    return nvidia_pickle.import_pickle(pickled, *paths, KnownFile(), memory, answers), paths


def test_both_networks_are_held_to_published_answers(written, answers, tmp_path):
    # The other packaging of the same weights answers alike.
    record, paths = _import(written[CASES[2]], answers, tmp_path / "new")
    assert record["status"] == "agrees with the published reference"
    assert record["reference_error"] < 1e-6
    assert record["discriminator_error"] < 1e-5
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        (known_files.REFERENCE_IMAGE, lambda image: image[:, :, ::-1], "fixed latent differs"),
        (known_files.REFERENCE_IMAGE, lambda image: image[:, ::2, ::2], r"shape \[1, 3, 8, 8\]"),
        (known_files.REFERENCE_VALUE, lambda value: value + 8e-4, "the discriminator's value"),
        (known_files.REFERENCE_VALUE, lambda value: value[0], r"shape \[1\]"),
        (known_files.REFERENCE_INPUT, lambda image: image[:, :, ::-1], "the discriminator's value"),
    ],
)
def test_another_published_answer_is_refused_with_the_way_out(
    written, answers, tmp_path, name, change, told
):
    np.save(answers / name, change(np.load(answers / name)))
    with pytest.raises(MirageError, match=told) as caught:
        _import(written[CASES[2]], answers, tmp_path / "new")
    assert "leave out `reference` of the prior in config.yaml" in str(caught.value)
    assert not list((tmp_path / "new").glob("*.safetensors"))


def test_a_published_answer_that_is_missing_is_named(written, answers, tmp_path):
    (answers / known_files.REFERENCE_INPUT).unlink()
    with pytest.raises(MirageError, match=r"ffhq_input_img\.npy is missing"):
        _import(written[CASES[2]], answers, tmp_path / "new")


def test_the_mean_of_w_is_compared_with_fresh_ones(written, tmp_path):
    """An untrained network's stored mean is off; once it is the true one the offset is near 0."""
    generator, discriminator, _ = nvidia_pickle.read_networks(written[CASES[0]])
    _, before = nvidia_pickle._try(generator, discriminator)
    draws = torch.randn(50_000, 9, generator=torch.Generator().manual_seed(9))
    generator.w_avg.copy_(generator.mapping(draws).mean(dim=0))
    _, after = nvidia_pickle._try(generator, discriminator)
    assert before["w_avg_offset"] > 0.5
    assert after["w_avg_offset"] < 0.05


def test_a_tensorflow_pickle_is_named_with_a_remedy(tmp_path, monkeypatch):
    import types

    module = types.ModuleType("dnnlib.tflib.network")
    module.Network = type("Network", (), {"__module__": "dnnlib.tflib.network"})
    for name in ("dnnlib", "dnnlib.tflib"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "dnnlib.tflib.network", module)
    path = tmp_path / "stylegan2-ffhq-config-f.pkl"
    path.write_bytes(pickle.dumps(tuple(module.Network() for _ in range(3))))
    with pytest.raises(MirageError, match="TensorFlow") as caught:
        nvidia_pickle.read_networks(path)
    assert "ffhq.pkl" in str(caught.value)
    assert "legacy.py" in str(caught.value)
