"""The borrowed encoder and the head above it."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from colorlab.cli.networks import info
from colorlab.colorize import colorize
from colorlab.datasets import to_tensor
from colorlab.lab import rgb_to_lab
from colorlab.quantize import N_BINS, bin_centers
from colorlab.transfer import STAGES, WIDTH, BorrowedNet, MBConv, make_network
from colorlab.weights import load_model, load_pretrained, save_model

FOREST = Path(__file__).parents[1] / "data/photos/forest-stream.jpg"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return BorrowedNet().eval()


def lightness(*shape, seed=0):
    return 100 * torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def norms(model):
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize("size", [(8, 8), (24, 40), (64, 32), (104, 136)])
def test_any_multiple_of_8(model, size):
    with torch.inference_mode():
        logits = model(lightness(2, 1, *size))
    assert logits.shape == (2, N_BINS, size[0] // 4, size[1] // 4)


@pytest.mark.parametrize("shape", [(1, 1, 8, 12), (1, 3, 8, 8), (1, 8, 8)])
def test_refuses_another_shape(model, shape):
    with pytest.raises(ValueError, match="L must have shape"):
        model(lightness(*shape))


def test_up_to_32_the_edge_is_repeated(model):
    L = lightness(1, 1, 40, 56)
    with torch.inference_mode():
        wide = model(pad(L, (0, 8, 0, 24), mode="replicate"))
        torch.testing.assert_close(model(L), wide[..., :10, :14])


def test_carries_what_every_network_carries(model):
    assert model.head == "bins"
    assert torch.equal(model.centers, bin_centers())
    assert model.card == {}


def test_is_small_enough_to_ship(model, tmp_path):
    assert sum(p.numel() for p in model.parameters()) <= 5_000_000
    save_model(model, tmp_path / "half.safetensors", dtype=torch.float16)
    assert (tmp_path / "half.safetensors").stat().st_size <= 10 * 2**20


@pytest.mark.parametrize("dtype", [None, torch.float16, torch.int8])
def test_saved_and_loaded(model, tmp_path, dtype):
    save_model(model, tmp_path / "x.safetensors", dtype=dtype, T=0.5)
    loaded = load_model(tmp_path / "x.safetensors")
    assert isinstance(loaded, BorrowedNet)
    assert (loaded.card["T"], loaded.training) == (0.5, False)
    assert torch.equal(loaded.centers, bin_centers())
    L = lightness(1, 1, 32, 32)
    with torch.inference_mode():
        # Half keeps three digits; a byte keeps two, and 50 layers add their errors up.
        limit = {None: 0.0, torch.float16: 0.01, torch.int8: 0.5}[dtype]
        assert (loaded(L) - model(L)).abs().max() <= limit


def test_the_shipped_one_paints_a_forest_green():
    colored = colorize(FOREST, load_pretrained("borrowed"))
    a, b = rgb_to_lab(to_tensor(colored)[None])[0, 1:].flatten(1).median(dim=1)[0]
    assert a < -2
    assert b > 5


def test_info_tells_its_size(capsys):
    info("borrowed")
    assert capsys.readouterr().out.endswith("\n3,202,713 parameters\n")


def test_frozen_batch_norm_learns_nothing():
    torch.manual_seed(0)
    model = BorrowedNet().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(lightness(2, 1, 32, 32)).square().mean().backward()
    optimizer.step()
    changed = {
        k for k, v in model.state_dict().items() if not torch.equal(v, before[k])
    }
    batch_norm = {k for k in before if "running" in k or "num_batches" in k}
    assert not changed & batch_norm
    assert all(p.grad is None for norm in norms(model) for p in norm.parameters())
    assert "stem.1.weight" in changed
    assert len(model.encoder_parameters()) == 48  # one kernel a convolution


def test_free_batch_norm_learns():
    model = BorrowedNet(frozen_norm=False).train()
    model(lightness(2, 1, 32, 32))
    assert all(norm.training for norm in norms(model))
    assert model.stem[2].running_mean.any()
    assert not any(norm.training for norm in norms(model.eval()))


def test_encoder_sees_gray_as_it_was_trained_to(model):
    seen = []
    hook = model.stem.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.inference_mode():
        model.encode(torch.tensor([0.0, 100.0]).view(2, 1, 1, 1).expand(2, 1, 32, 32))
    hook.remove()
    assert seen[0].shape == (2, 1, 32, 32)
    assert seen[0][0].unique().item() == pytest.approx(-127 / 128)
    assert seen[0][1].unique().item() == pytest.approx(1.0, abs=1e-4)


def test_encoder_has_the_four_sizes(model):
    with torch.inference_mode():
        shapes = [tuple(x.shape[1:]) for x in model.encode(lightness(1, 1, 64, 96))]
    assert shapes == [(24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]


@pytest.mark.parametrize(("kernel", "before"), [(3, 0), (5, 1)])
def test_a_stride_is_padded_as_tensorflow_does(kernel, before):
    block = MBConv(4, 4, kernel, stride=2, widening=1).eval()
    convolution = block.layers[1]
    x = torch.rand(1, 4, 16, 16)
    padded = pad(x, (before, before + 1) * 2)
    expected = conv2d(padded, convolution.weight, stride=2, groups=4)
    torch.testing.assert_close(block.layers[:2](x), expected)
    assert block(x).shape == (1, 4, 8, 8)


def test_a_block_adds_its_input_where_shapes_agree():
    x = torch.rand(1, 8, 8, 8)
    for channels, stride, adds in [(8, 1, True), (8, 2, False), (16, 1, False)]:
        block = MBConv(8, channels, 3, stride, widening=6).eval()
        nn.init.zeros_(block.layers[-2].weight)  # of the last convolution
        assert torch.equal(block(x), x) == adds


def classifier(model):
    """Weights as the package has them: three input channels, other names, more."""
    state = [*model.stem.state_dict().values(), *model.stages.state_dict().values()]
    parts = torch.tensor([0.5, 0.25, 0.25]).view(1, 3, 1, 1)
    whole = {f"theirs.{place}": tensor for place, tensor in enumerate(state)}
    return {**whole, "theirs.0": state[0] * parts, "_fc.weight": torch.rand(1000, 1280)}


def test_takes_over_the_encoder(model):
    other = BorrowedNet().eval()
    other.load_encoder(classifier(model))
    L = lightness(1, 1, 32, 32)
    with torch.inference_mode():
        for mine, theirs in zip(other.encode(L), model.encode(L), strict=True):
            torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("damage", ["short", "shape", "none"])
def test_refuses_another_encoder(model, damage):
    weights = classifier(model)
    if damage == "shape":
        weights["theirs.7"] = torch.zeros(3)
    kept = {"short": 20, "shape": len(weights), "none": 0}[damage]
    with pytest.raises(ValueError, match="weights must be those of EfficientNet-Lite0"):
        BorrowedNet().load_encoder(dict([*weights.items()][:kept]))


def test_head_is_as_wide_as_it_says(model):
    assert [lateral.in_channels for lateral in model.lateral] == [24, 40, 112, 320]
    assert model.output.in_channels == WIDTH == model.width
    assert sum(blocks for blocks, *_ in STAGES) == 16


def test_width_is_that_of_the_head(tmp_path):
    model = make_network(8, "borrowed")
    assert model.output.in_channels == model.width == 8
    save_model(model, tmp_path / "narrow.safetensors")
    assert load_model(tmp_path / "narrow.safetensors").width == 8


@pytest.mark.parametrize(("width", "out_channels"), [(0, N_BINS), (8, 2)])
def test_refuses_a_network_that_is_not_there(width, out_channels):
    with pytest.raises(ValueError, match="must have 313 out_channels and a positive"):
        make_network(width, "borrowed", out_channels)
