"""Evaluation networks: what they take, what they give, and in which reading."""

import pytest
import torch
from mirage.errors import MirageError
from mirage.evaluation import networks
from mirage.evaluation.inception import PoolBranch, fid_inception
from mirage.evaluation.networks import Embedded, EvaluationNetwork, load_network
from mirage.evaluation.recipe import NetworkSpec


def _mean_network(kind, **settings):
    """A stand-in whose features are the channel means: what it was fed can be read off."""
    spec = NetworkSpec(kind, image_px=2, **settings)
    return EvaluationNetwork(spec, lambda x: Embedded(x.mean((2, 3)), None), "cpu")


IMAGES = torch.tensor([-3.0, -1.0, 0.5, 2.0])[:, None, None, None].expand(4, 3, 2, 2)


@pytest.mark.parametrize("kind", ["classifier", "facenet"])
def test_paper_feeds_unclipped_images(kind):
    network = _mean_network(kind)
    assert not network.has_paper_input
    assert network.embed(IMAGES, "paper").features[:, 0].tolist() == [-3, -1, 0.5, 2]
    assert network.embed(IMAGES, "corrected").features[:, 0].tolist() == [-1, -1, 0.5, 1]


def test_paper_feeds_the_fid_network_minus_three_to_one():
    # pytorch-fid maps [0, 1] to [-1, 1] by 2x - 1; the official code gives it [-1, 1].
    network = _mean_network("inception_fid")
    assert network.has_paper_input
    assert network.embed(IMAGES, "paper").features[:, 0].tolist() == [-7, -3, 0, 3]
    assert network.embed(IMAGES, "corrected").features[:, 0].tolist() == [-1, -1, 0.5, 1]


def test_features_of_unit_length_where_asked():
    features = _mean_network("classifier", l2_normalise=True).embed(IMAGES).features
    torch.testing.assert_close(features.norm(dim=1), torch.ones(4))


def test_wrong_sizes_kinds_and_settings_are_named():
    with pytest.raises(MirageError, match="2 px"):
        _mean_network("classifier").embed(torch.zeros(1, 3, 4, 4))
    with pytest.raises(MirageError, match="kind is 'facenett'"):
        NetworkSpec.of({"kind": "facenett", "image_px": 160})
    with pytest.raises(MirageError, match="resize"):
        NetworkSpec.of({"kind": "facenet", "image_px": 160, "resize": "long_side"})
    with pytest.raises(MirageError, match="image_px"):
        NetworkSpec.of({"kind": "facenet", "image_px": 0})


def test_a_remapped_network_differs_between_the_readings():
    network = _mean_network("classifier", remap=True)
    assert network.has_paper_input
    assert network.embed(IMAGES, "paper").features[:, 0].tolist() == [-3, -1, 0.5, 2]
    # torchvision's transform_input of -1, 0.5 and 1, channel by channel
    expected = torch.tensor([[-1.0], [-1.0], [0.5], [1.0]]) * torch.tensor([0.458, 0.448, 0.45])
    expected += torch.tensor([-0.03, -0.088, -0.188])
    torch.testing.assert_close(network.embed(IMAGES, "corrected").features, expected)


@pytest.mark.parametrize("kind", sorted(networks.KINDS))
def test_missing_and_damaged_weights_are_named(kind, tmp_path):
    spec = NetworkSpec(kind, 32)
    with pytest.raises(MirageError, match=r"weights\.pt"):
        load_network(spec, tmp_path / "weights.pt", "cpu")
    (tmp_path / "weights.pt").write_bytes(b"no weights")
    with pytest.raises(MirageError, match=r"weights\.pt"):
        load_network(spec, tmp_path / "weights.pt", "cpu")


@pytest.mark.parametrize("kind", ["facenet", "inception_fid"])
def test_weights_of_another_network_are_refused(kind, tmp_path):
    torch.save({"fc.bias": torch.zeros(1008)}, tmp_path / "weights.pt")
    with pytest.raises(MirageError, match="does not fit"):
        load_network(NetworkSpec(kind, 32), tmp_path / "weights.pt", "cpu")


def test_facenet_gives_unit_embeddings_and_ignores_the_training_head(tmp_path):
    from facenet_pytorch import InceptionResnetV1

    torch.manual_seed(0)
    model = InceptionResnetV1(classify=True, num_classes=10)
    torch.save(model.state_dict(), tmp_path / "facenet.pt")
    network = load_network(NetworkSpec("facenet", 96), tmp_path / "facenet.pt", "cpu")
    images = torch.rand(2, 3, 96, 96) * 2 - 1
    model.classify = False
    with torch.no_grad():
        expected = model.eval()(images)
    embedded = network.embed(images)
    assert embedded.logits is None
    assert embedded.features.shape == (2, 512)
    torch.testing.assert_close(embedded.features, expected)
    torch.testing.assert_close(embedded.features.norm(dim=1), torch.ones(2))


# The FID Inception. Its weights cannot be had here. With random weights it gave the very bytes of
# torch-fidelity's network (0.4.0), and torchvision's own differed; here the parts are checked.


class _Block(torch.nn.Module):
    """Stands for a block: one channel passed through, then a pooling branch of torchvision."""

    def __init__(self):
        super().__init__()
        self.branch_pool = torch.nn.Conv2d(1, 1, 1, bias=False)

    def forward(self, x):
        pooled = torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)
        return torch.cat([x, self.branch_pool(pooled)], dim=1)


@pytest.mark.parametrize(("maximum", "reduce"), [(False, torch.mean), (True, torch.amax)])
def test_pools_leave_the_padding_out(maximum, reduce):
    block, x = _Block(), -torch.rand(1, 1, 4, 5)
    with torch.no_grad():
        found = PoolBranch(block, maximum)(x)
    assert torch.equal(found[:, :1], x)
    for i in range(4):
        for j in range(5):
            window = x[0, 0, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            expected = reduce(window) * block.branch_pool.weight.item()
            torch.testing.assert_close(found[0, 1, i, j], expected.detach())


def test_fid_inception_has_the_known_differences(tmp_path):
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    plain = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    network = fid_inception(plain.state_dict())
    wrapped = {n: m for n, m in network.named_children() if isinstance(m, PoolBranch)}
    with_pool = {n for n, m in plain.named_children() if hasattr(m, "branch_pool")}
    assert set(wrapped) == with_pool
    assert [n for n, m in wrapped.items() if m.maximum] == ["Mixed_7c"]
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 299, 299)).shape == (1, 2048)
    other = inception_v3(weights=None, num_classes=1000, aux_logits=False, init_weights=False)
    torch.save(other.state_dict(), tmp_path / "imagenet.pth")
    with pytest.raises(MirageError, match=r"fc\.weight \[1000, 2048\] instead of \[1008, 2048\]"):
        load_network(NetworkSpec("inception_fid", 299), tmp_path / "imagenet.pth", "cpu")
