"""The authors' networks, against models written here from the tables of their files."""

import io
import pickle
import zipfile

import pytest
import torch
from cli_fixtures import run
from PIL import Image
from torch import nn
from torch.nn.functional import (
    batch_norm,
    conv2d,
    conv_transpose2d,
    interpolate,
    leaky_relu,
    relu,
)

from colorlab import bin_centers, load_model, load_pretrained, save_model
from colorlab.colorize import colorize, predict_ab
from colorlab.datasets import download
from colorlab.released import RELEASED, is_sharpened, load_released

# Layers of both files, as (inputs, channels, kernel) by name.
FIRST = {"eccv16": 1, "siggraph17": 4}
BLOCKS = {1: (64, (0, 2)), 2: (128, (0, 2)), 3: (256, (0, 2, 4))}
BLOCKS |= {n: (512, (0, 2, 4)) for n in (4, 5, 6, 7)}
REST = {
    "eccv16": {
        "model8.0": (512, 256, 4),
        "model8.2": (256, 256, 3),
        "model8.4": (256, 256, 3),
        "model8.6": (256, 313, 1),
        "model_out": (313, 2, 1),
    },
    "siggraph17": {
        "model8up.0": (512, 256, 4),
        "model3short8.0": (256, 256, 3),
        "model8.1": (256, 256, 3),
        "model8.3": (256, 256, 3),
        "model8.5": (256, 256, 0),
        "model9up.0": (256, 128, 4),
        "model2short9.0": (128, 128, 3),
        "model9.1": (128, 128, 3),
        "model9.3": (128, 128, 0),
        "model10up.0": (128, 128, 4),
        "model1short10.0": (64, 128, 3),
        "model10.1": (128, 128, 3),
        "model_class.0": (256, 529, 1),
        "model_out.0": (128, 2, 1),
    },
}


def table(name):
    """Each layer's inputs, channels and kernel; kernel 0 is batch norm."""
    layers, inputs = {}, FIRST[name]
    for n, (channels, places) in BLOCKS.items():
        for place in places:
            layers[f"model{n}.{place}"] = (inputs, channels, 3)
            inputs = channels
        layers[f"model{n}.{places[-1] + 2}"] = (channels, channels, 0)
    return layers | REST[name]


def random_state(name):
    """Weights that keep the size of what flows through, and statistics that matter."""
    rng = torch.Generator().manual_seed(0)
    state = {}
    for layer, (inputs, channels, kernel) in table(name).items():
        if kernel == 0:
            for kind in ("weight", "running_var"):
                state[f"{layer}.{kind}"] = 0.5 + torch.rand(channels, generator=rng)
            for kind in ("bias", "running_mean"):
                state[f"{layer}.{kind}"] = torch.randn(channels, generator=rng) / 4
            state[f"{layer}.num_batches_tracked"] = torch.tensor(7)
            continue
        sides = (inputs, channels) if kernel == 4 else (channels, inputs)
        weight = torch.randn(*sides, kernel, kernel, generator=rng)
        state[f"{layer}.weight"] = weight * (2 / (inputs * min(kernel, 3) ** 2)) ** 0.5
        if layer != "model_out":
            state[f"{layer}.bias"] = torch.randn(channels, generator=rng) / 10
    if name == "eccv16":
        state["model_out.weight"] = bin_centers().T[..., None, None] / 110
    return state


def convolve(x, state, layer, stride=1, dilation=1):
    weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias")
    pad = dilation * (weight.shape[-1] // 2)
    return conv2d(x, weight, bias, stride, pad, dilation)


def enlarge(x, state, layer):
    weight, bias = state[f"{layer}.weight"], state[f"{layer}.bias"]
    return conv_transpose2d(x, weight, bias, stride=2, padding=1)


def norm(x, state, layer):
    kinds = ("running_mean", "running_var", "weight", "bias")
    return batch_norm(x, *(state[f"{layer}.{kind}"] for kind in kinds))


def first_seven(x, state, stride, keep):
    """Blocks 1 to 7; stride 2 is in the first three, or between the first four."""
    for n, (_, places) in BLOCKS.items():
        dilation = 2 if n in (5, 6) else 1
        for place in places:
            step = stride if n < 4 and place == places[-1] else 1
            x = relu(convolve(x, state, f"model{n}.{place}", step, dilation))
        x = norm(x, state, f"model{n}.{places[-1] + 2}")
        keep[n] = x
        if stride == 1 and n < 4:
            x = x[:, :, ::2, ::2]
    return x


def eccv16(state, L):
    """The authors' colors, by their recipe."""
    x = first_seven((L - 50) / 100, state, 2, {})
    x = relu(enlarge(x, state, "model8.0"))
    for place in (2, 4):
        x = relu(convolve(x, state, f"model8.{place}"))
    x = convolve(x, state, "model8.6").softmax(dim=1)
    x = convolve(x, state, "model_out")
    return 110 * interpolate(x, scale_factor=4, mode="bilinear")


def siggraph17(state, L, ab, mask):
    keep = {}
    x = torch.cat([(L - 50) / 100, ab / 110, mask], dim=1)
    x = first_seven(x, state, 1, keep)
    x = enlarge(x, state, "model8up.0") + convolve(keep[3], state, "model3short8.0")
    for place in (1, 3):
        x = convolve(relu(x), state, f"model8.{place}")
    x = norm(relu(x), state, "model8.5")
    x = enlarge(x, state, "model9up.0") + convolve(keep[2], state, "model2short9.0")
    x = norm(relu(convolve(relu(x), state, "model9.1")), state, "model9.3")
    x = enlarge(x, state, "model10up.0") + convolve(keep[1], state, "model1short10.0")
    x = leaky_relu(convolve(relu(x), state, "model10.1"), 0.2)
    return 110 * convolve(x, state, "model_out.0").tanh()


@pytest.fixture(scope="module")
def states():
    return {name: random_state(name) for name in RELEASED}


@pytest.fixture(scope="module")
def files(states, tmp_path_factory):
    """Both files under the authors' names, but with random weights."""
    folder = tmp_path_factory.mktemp("theirs")
    paths = {name: folder / RELEASED[name].file for name in states}
    for name, path in paths.items():
        torch.save(states[name], path)
    return paths


def lightness(height=32, width=48):
    return 100 * torch.rand(
        2, 1, height, width, generator=torch.Generator().manual_seed(1)
    )


def test_the_tables_are_those_of_the_files(states):
    # The numbers are those that the authors' own models have.
    learned = {
        name: sum(
            t.numel() for k, t in state.items() if "running" not in k and t.ndim > 0
        )
        for name, state in states.items()
    }
    assert learned == {"eccv16": 32_236_011, "siggraph17": 34_187_027}
    assert [len(state) for state in states.values()] == [82, 107]


@torch.inference_mode()
def test_eccv16_colors_as_a_model_written_from_the_table(states, files):
    model = load_released("eccv16", files["eccv16"])
    assert (model.variant, model.head, model.training) == ("released", "bins", False)
    assert not model.card["published"]  # random weights are not
    L = lightness()
    expected = eccv16(states["eccv16"], L)
    assert expected.std() > 1  # it is not all one color
    # Random weights are sure of nonsense, which is taken for a temperature.
    T = model.card["T"] if model.card["sharpened"] else 1
    torch.testing.assert_close(predict_ab(model, L, T), expected, atol=0.05, rtol=0)


@torch.inference_mode()
def test_siggraph17_colors_as_a_model_written_from_the_table(states, files):
    model, L = load_released("siggraph17", files["siggraph17"]), lightness()
    rng = torch.Generator().manual_seed(2)
    mask = (torch.rand(L.shape, generator=rng) < 0.1).float()
    ab = mask * 60 * torch.randn(2, 2, *L.shape[2:], generator=rng)
    none = siggraph17(states["siggraph17"], L, 0 * ab, 0 * mask)
    dots = siggraph17(states["siggraph17"], L, ab, mask)
    assert (none - dots).abs().max() > 1
    torch.testing.assert_close(predict_ab(model, L), none, atol=1e-3, rtol=0)
    torch.testing.assert_close(model(L, ab, mask), dots, atol=1e-3, rtol=0)


def widened(model):
    """Put a narrow network of ours into theirs: zeros around it change nothing."""
    state = {}
    for key, tensor in random_state("eccv16").items():
        number = key.split(".")[0].removeprefix("model")
        mine = key.replace(f"model{number}.", f"conv{number}.")
        mine = mine.replace("conv8.6", "output")
        state[key] = torch.zeros_like(tensor)
        if key == "model_out.weight":
            state[key] = bin_centers().T[..., None, None] / 110
        elif mine in model.state_dict():
            small = model.state_dict()[mine]
            state[key][tuple(slice(n) for n in small.shape)] = small
    return state


@pytest.fixture(scope="module", name="known")
def fixture_known():
    """A trained network in the authors' shape."""
    return widened(load_pretrained("class"))


@pytest.mark.parametrize("baked", [False, True])
def test_a_temperature_in_the_weights_is_taken_out(known, tmp_path, baked):
    state = dict(known)
    if baked:
        for kind in ("weight", "bias"):
            state[f"model8.6.{kind}"] = 2.606 * state[f"model8.6.{kind}"]
    torch.save(state, tmp_path / "theirs.pth")
    model = load_released("eccv16", tmp_path / "theirs.pth")
    assert model.card["sharpened"] == baked
    L = lightness()
    narrow = load_pretrained("class")
    with torch.inference_mode():
        torch.testing.assert_close(model(L), narrow(L), atol=1e-3, rtol=0)
        if baked:  # what their program shows is what ours shows by itself
            theirs = eccv16(state, L)
            torch.testing.assert_close(predict_ab(model, L), theirs, atol=0.05, rtol=0)


@pytest.mark.parametrize("name", ["borrowed", "flagship", "rebal", "tiny"])
def test_sharpened_networks_are_told_from_others(name):
    model = load_pretrained(name)
    assert not is_sharpened(model)
    with torch.no_grad():
        for parameter in model.output.parameters():
            parameter *= 2.606
    assert is_sharpened(model)


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


def changed(state, key, value):
    return {k: v for k, v in (state | {key: value}).items() if v is not None}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model3.4.bias", None, "1 weights are amiss, as conv3.4.bias"),
        ("other", torch.zeros(1), "1 weights are amiss, as other"),
        ("model3.4.bias", torch.zeros(2), "conv3.4.bias has shape (2,), not (256,)"),
        ("model3.4.bias", torch.zeros(256, dtype=torch.int32), "must hold floats"),
        ("model3.4.bias", torch.full((256,), torch.nan), "must hold finite numbers"),
        ("model3.6.running_var", torch.full((256,), -1.0), "must not be negative"),
        ("model3.4.bias", torch.zeros(1).expand(10**12), "has shape (1000000000000,)"),
        ("model_out.weight", torch.zeros(2, 313, 1, 1), "must hold the bin centers"),
        ("model3.4.bias", "text", "other things than named weights"),
        ("model3.4.bias", torch.zeros(256, device="meta"), "other things than named"),
        (
            "model3.4.bias",
            torch.full((256,), 1e300, dtype=torch.double),
            "must hold finite",
        ),
    ],
)
def test_other_weights_are_refused(states, tmp_path, key, value, said):
    torch.save(changed(states["eccv16"], key, value), tmp_path / "other.pth")
    with pytest.raises(ValueError, match="path must hold the authors' weights") as told:
        load_released("eccv16", tmp_path / "other.pth")
    assert said in str(told.value)


def test_one_number_at_many_places_is_read(states, monkeypatch, tmp_path):
    """Its last layer is divided in place, which shared memory does not allow."""
    monkeypatch.setattr("colorlab.released.is_sharpened", lambda model: True)
    wide = torch.full((1,), 2.606, dtype=torch.bfloat16).expand(313, 256, 1, 1)
    state = changed(states["eccv16"], "model8.6.weight", wide)
    torch.save(state, tmp_path / "shared.pth")
    model = load_released("eccv16", tmp_path / "shared.pth")
    weight = model.output.weight
    torch.testing.assert_close(weight, torch.ones_like(weight), atol=5e-3, rtol=0)


@pytest.mark.filterwarnings("error")
def test_what_is_no_file_of_weights_is_told_in_our_words(tmp_path):
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(8)}, buffer)
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as other:
        other.writestr("notes.txt", "no weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "half.pth").write_bytes(buffer.getvalue()[:-300])
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(tmp_path / "run"), 4))
    for name in ("zip", "empty", "half", "evil"):
        with pytest.raises(ValueError, match="no whole file of PyTorch") as told:
            load_released("eccv16", tmp_path / f"{name}.pth")
        assert "bytes are" in str(told.value)
        assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists()


def test_one_is_not_taken_for_the_other(files):
    with pytest.raises(ValueError, match="weights are amiss"):
        load_released("eccv16", files["siggraph17"])


def test_nothing_in_a_file_is_run(tmp_path):
    mark, buffer = tmp_path / "was-run", io.BytesIO()
    evil = pickle.dumps(Evil(mark), protocol=2)
    torch.save({"a": torch.zeros(1)}, buffer)
    with (
        zipfile.ZipFile(buffer) as old,
        zipfile.ZipFile(tmp_path / "evil.pth", "w") as new,
    ):
        for entry in old.namelist():
            new.writestr(entry, evil if entry.endswith("data.pkl") else old.read(entry))
    (tmp_path / "plain.pth").write_bytes(evil)
    (tmp_path / "list.pth").write_bytes(b"no weights")
    torch.save([1, 2], tmp_path / "numbers.pth")
    for name in ("evil", "plain", "list", "numbers", "absent"):
        with pytest.raises(ValueError, match="path must"):
            load_released("eccv16", tmp_path / f"{name}.pth")
    assert not mark.exists()
    pickle.loads(evil).close()
    assert mark.exists()  # as it would be if it were run


@pytest.fixture
def unprobed(monkeypatch):
    """Leave out what takes seconds for a network of this size, and is tested above."""
    monkeypatch.setattr("colorlab.released.is_sharpened", lambda model: False)


@pytest.mark.usefixtures("unprobed")
def test_an_older_file_without_counters_is_read(known, tmp_path):
    state = {k: v for k, v in known.items() if "num_batches" not in k}
    torch.save(state, tmp_path / "older.pth")
    assert load_released("eccv16", tmp_path / "older.pth").card["name"] == "eccv16"


def test_a_released_network_is_saved_as_ours(files, tmp_path):
    model = load_released("siggraph17", files["siggraph17"])
    save_model(model, tmp_path / "ours.safetensors")
    back, L = load_model(tmp_path / "ours.safetensors"), lightness()
    assert back.card["name"] == "siggraph17"
    with torch.inference_mode():
        assert torch.equal(back(L), model(L))


@pytest.mark.usefixtures("unprobed")
def test_it_is_downloaded_once_and_checked(files, monkeypatch, tmp_path):
    monkeypatch.setenv("COLORLAB_DATA", str(tmp_path))
    asked = []
    served = {"bytes": b"not the file"}

    def megabytes(url, most):
        asked.append(url)
        yield served["bytes"]

    monkeypatch.setattr(download, "_megabytes", megabytes)
    with pytest.raises(ValueError, match="not 9b330a0b; get colorization_release_v2-"):
        load_released("eccv16")
    assert [*(tmp_path / "released").iterdir()] == []
    content = files["eccv16"].read_bytes()
    served["bytes"] = content
    digest = load_released("eccv16", files["eccv16"]).card["sha256"]
    entry = RELEASED["eccv16"]._replace(hash=digest[:8])
    monkeypatch.setitem(RELEASED, "eccv16", entry)
    assert load_released("eccv16").card["published"]
    assert load_released("eccv16").card["published"]
    assert len(asked) == 2
    assert asked[0] == (
        "https://colorizers.s3.us-east-2.amazonaws.com/"
        "colorization_release_v2-9b330a0b.pth"
    )


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"one of \['eccv16', 'siggraph17'\]"):
        load_released("eccv17")


@pytest.mark.usefixtures("unprobed")
def test_released_networks_color_photos(files):
    photo = Image.linear_gradient("L").resize((70, 50))
    for name in RELEASED:
        model = load_released(name, files[name])
        colored = colorize(photo, model, size=32)
        assert colored.size == photo.size
        assert isinstance(model, nn.Module)


@pytest.mark.usefixtures("unprobed")
def test_commands_take_the_authors_networks(
    files, monkeypatch, tmp_path, save_photos, capsys
):
    photos = save_photos(tmp_path / "photos", 3, size=32)
    for name, path in files.items():
        out = tmp_path / f"{name}.png"
        words = ("colorize", photos[0], "-o", out, "--size", 32, "--model")
        assert run(monkeypatch, *words, path) == 0
        assert Image.open(out).size == (32, 32)
    words = ("evaluate", files["eccv16"], photos[0].parent, "--size", 32, "--all")
    assert run(monkeypatch, *words) == 0
    assert "3 of 3 images measured" in capsys.readouterr().out


def test_commands_say_where_the_authors_file_is(
    monkeypatch, tmp_path, save_photos, capsys
):
    monkeypatch.setenv("COLORLAB_DATA", str(tmp_path / "data"))

    def away(url, most):
        raise ValueError("HTTP Error 404: Not Found")
        yield

    monkeypatch.setattr(download, "_megabytes", away)
    photos = save_photos(tmp_path / "photos", 1)
    assert run(monkeypatch, "evaluate", "siggraph17", photos[0].parent) == 2
    said = capsys.readouterr().err
    assert "siggraph17 is not here" in said
    assert "https://colorizers.s3.us-east-2.amazonaws.com/siggraph17-df00044c" in said
    assert str(tmp_path / "data" / "released") in said
