"""Networks as ONNX files, run by programs without PyTorch."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli_fixtures import fixture_network, run  # noqa: F401 (used by name)

from colorlab import ColorNet, load_pretrained, siggraph
from colorlab.colorize import output_to_ab
from colorlab.export import export_onnx
from colorlab.siggraph import HintReader, SiggraphNet

SIZES = [(1, 1, 64, 96), (2, 1, 40, 88), (1, 1, 8, 8), (1, 1, 128, 136), (3, 1, 72, 16)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("onnx")


SLOW = pytest.param("borrowed", marks=pytest.mark.stress)  # followed for a minute


@pytest.fixture(scope="module", params=["tiny", SLOW, "ab"])
def exported(request, folder):
    """A network, its file and its temperature."""
    torch.manual_seed(0)
    name = request.param
    model = load_pretrained(name) if name != "ab" else ColorNet(2, out_channels=2)
    T, path = (None if name == "tiny" else 0.5), folder / f"{name}.onnx"
    model.card |= {"name": name}
    export_onnx(model.eval(), path, T)
    return model, path, T or 0.38


def lightness(shape):
    return 100 * torch.rand(shape, generator=torch.Generator().manual_seed(0))


def expected(model, L, T):
    with torch.inference_mode():
        return output_to_ab(model, model(L), T).numpy()


def test_onnxruntime_gives_the_same_colors_at_any_size(exported):
    model, path, T = exported
    session = onnxruntime.InferenceSession(path)
    for shape in SIZES:
        L = lightness(shape)
        (ab,) = session.run(["ab"], {"L": L.numpy()})
        wanted = expected(model, L, T)
        assert ab.shape == wanted.shape
        assert abs(ab - wanted).max() < 1e-3, shape
    assert wanted.std() > 0.1


def test_opencv_gives_the_same_colors_at_any_size(exported):
    dnn = pytest.importorskip("cv2").dnn
    model, path, T = exported
    network = dnn.readNetFromONNX(str(path))
    for shape in SIZES:
        network.setInput(lightness(shape).numpy())
        wanted = expected(model, lightness(shape), T)
        assert abs(network.forward() - wanted).max() < 1e-3, shape


def test_the_file_says_what_it_is(exported):
    model, path, T = exported
    loaded = onnx.load(path)
    onnx.checker.check_model(loaded, full_check=True)
    card = json.loads({p.key: p.value for p in loaded.metadata_props}["colorlab"])
    assert (card["name"], card["T"]) == (model.card["name"], T)
    assert [entry.name for entry in loaded.graph.input] == ["L"]
    assert [entry.name for entry in loaded.graph.output] == ["ab"]
    assert not model.training


def test_a_size_that_is_no_multiple_of_8_is_refused(exported):
    session = onnxruntime.InferenceSession(exported[1])
    L = np.zeros((1, 2, 16, 16), dtype=np.float32)
    with pytest.raises(Exception, match="invalid dimensions"):
        session.run(None, {"L": L})


@pytest.mark.parametrize("make", [SiggraphNet, lambda: HintReader(2)])
def test_networks_that_follow_dots_color_without_any(folder, make, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(siggraph, "WIDTH", 4)  # the usual one takes a minute
    model, path = make().eval(), folder / "dots.onnx"
    export_onnx(model, path)
    for shape in [(2, 1, 24, 40), (1, 1, 16, 8)]:
        L = lightness(shape)
        (ab,) = onnxruntime.InferenceSession(path).run(None, {"L": L.numpy()})
        wanted = expected(model, L, 0.38)
        assert ab.shape == wanted.shape
        assert abs(ab - wanted).max() < 1e-3


def test_export_writes_onnx_by_the_suffix(monkeypatch, network, tmp_path, capsys):
    out = tmp_path / "small.onnx"
    assert run(monkeypatch, "export", network, "-o", out, "--temperature", 1e-45) == 0
    assert "1 of 1 networks written" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out)
    (ab,) = session.run(None, {"L": lightness((1, 1, 8, 8)).numpy()})
    assert np.isfinite(ab).all()
    (given,) = session.get_inputs()
    assert (given.name, given.shape[1]) == ("L", 1)
    assert run(monkeypatch, "export", network, "-o", out) == 2
    assert "exists" in capsys.readouterr().err
    words = ("export", network, "--overwrite", "-o")
    assert run(monkeypatch, *words, out, "--int8") == 2
    assert "--int8 must be left out" in capsys.readouterr().err
    assert run(monkeypatch, *words, out, "--temperature", 0) == 2
    assert "T must be positive" in capsys.readouterr().err
    assert run(monkeypatch, *words, out, "--temperature", "inf") == 2
    assert "T must be positive and finite, got inf" in capsys.readouterr().err
    other = tmp_path / "small.safetensors"
    assert run(monkeypatch, *words, other, "--temperature", 1) == 2
    assert "--temperature must come with OUT.onnx" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()].count("small.onnx") == 1


def test_each_part_keeps_its_mode(folder):
    model = ColorNet(2, out_channels=2).train()
    model.conv1.eval()
    modes = [module.training for module in model.modules()]
    export_onnx(model, folder / "modes.onnx")
    assert [module.training for module in model.modules()] == modes
