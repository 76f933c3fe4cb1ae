"""The pretend device finds what it should; and all of colorlab runs on it, alike."""

import copy
import json
from dataclasses import replace

import matplotlib.pyplot
import numpy as np
import pretend
import pytest
import torch
from accelerate import Accelerator
from anywidget import AnyWidget
from PIL import Image
from torch.utils import backend_registration

from colorlab.colorize import colorize
from colorlab.datasets.sources import find_images
from colorlab.evaluate.measure import evaluate_images
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.losses import color_loss, label_ab, soft_cross_entropy
from colorlab.network import ColorNet, best_device
from colorlab.plots import (
    show_bins,
    show_distribution,
    show_grids,
    show_images,
    show_swatches,
)
from colorlab.prior import load_prior, rebalance_weights, smooth_prior
from colorlab.quantize import N_BINS, bin_centers, nearest_bin, soft_encode
from colorlab.train.config import TrainConfig
from colorlab.train.loop import train, train_step
from colorlab.train.model import running_mean
from colorlab.transfer import make_network
from colorlab.weights import load_model, load_pretrained
from colorlab.widgets import TemperatureExplorer

SHORT = TrainConfig(
    width=2,
    size=16,
    batch_size=4,
    steps=6,
    warmup=2,
    precision="no",
    save_every=3,
    log_every=1,
    workers=0,
    ema_decay=0.9,
)
MORE = 1.2  # times as many operations as torch's own loss


@pytest.fixture
def there(pretended, monkeypatch):
    """Choose the device, as accelerate and `best_device` choose a GPU that is there."""
    monkeypatch.setattr(pretend.module, "available", True)
    monkeypatch.setattr(Accelerator, "device", torch.device(pretended))
    return pretended


@pytest.fixture
def whole_batches(monkeypatch):
    """Let the CPU, too, take the batch whole: then all bits should be the same."""
    for module in ("lab", "quantize", "losses"):
        monkeypatch.setattr(f"colorlab.{module}.in_memory", lambda image: False)


def images(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(256, shape, generator=rng, dtype=torch.uint8)


# What it refuses and what it counts.


def test_it_computes_and_says_where(pretended):
    image = torch.arange(6.0).view(2, 3)
    shell = image.to(pretended)
    assert shell.device == torch.device(pretended)
    assert torch.equal((2 * shell.t() + 1).cpu(), 2 * image.t() + 1)
    shell[0] = 7
    assert shell.sum().item() == 21 + 12
    assert "7." in repr(shell)
    with pytest.raises((TypeError, RuntimeError)):
        shell.numpy()


@pytest.mark.parametrize(
    "mix",
    [
        lambda here, there: here + there,
        lambda here, there: there * here,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: torch.where(there > 0, here, there),
        lambda here, there: torch.nn.functional.conv1d(there[None], here[:, :, None]),
        lambda here, there: here[there.long()],
        lambda here, there: there.add_(here),
        lambda here, there: there.long().gather(0, here.long()),
    ],
)
@pytest.mark.parametrize("inference", [False, True])
def test_two_devices_do_not_mix(pretended, mix, inference):
    with (
        torch.inference_mode(inference),
        pytest.raises(RuntimeError, match="on the same device"),
    ):
        mix(torch.ones(3, 3), torch.ones(3, 3).to(pretended))


def test_what_a_gpu_allows_is_allowed(pretended):
    shell = torch.ones(3).to(pretended)
    assert (shell * torch.tensor(2.0)).sum().item() == 6  # a single number
    assert shell[torch.tensor([0, 2])].shape == (2,)  # indices
    assert shell.copy_(torch.zeros(3)).sum().item() == 0


@pytest.mark.parametrize(
    ("action", "waits"),
    [
        (lambda x: x.sum().item(), 1),
        (lambda x: bool((x > 0).any()), 1),
        (lambda x: float(x[0]), 1),
        (lambda x: x.cpu(), 1),
        (lambda x: x.tolist(), 1),
        (lambda x: x[x > 0], 1),
        (lambda x: x.nonzero(), 1),
        (lambda x: torch.equal(x, x), 1),
        (lambda x: torch.tensor([1.0, 2.0], device=x.device), 1),
        (lambda x: x.new_tensor([1.0, 2.0]), 1),
        (lambda x: torch.ones(2).to(x.device), 1),
        (lambda x: x.copy_(torch.ones(3)), 1),
        (lambda x: torch.ones(2).to(x.device, non_blocking=True), 0),
        (lambda x: x.to(x.device).float().clone(), 0),
        (
            lambda x: (
                torch.zeros(3, device=x.device) + torch.arange(3, device=x.device)
            ),
            0,
        ),
        (lambda x: x.masked_fill(x > 0, 2.0).softmax(0), 0),
        (lambda x: x[torch.tensor([0, 1])], 0),
    ],
)
def test_waits_are_counted(pretended, action, waits):
    shell = torch.ones(3).to(pretended)
    with pretend.watch() as seen:
        action(shell)
    assert len(seen.waits) >= waits
    assert bool(seen.waits) == bool(waits)


def test_nobody_chooses_it_unasked(pretended):
    assert not torch.accelerator.is_available()
    assert best_device() == torch.device("cpu")


def test_without_the_place_for_it_it_is_not_possible(monkeypatch):
    monkeypatch.delattr(
        backend_registration, "_setup_privateuseone_for_python_backend", raising=False
    )
    assert not pretend.is_possible()


# The kernels: few operations, no waits.


def target(device, seed=0):
    rng = torch.Generator().manual_seed(seed)
    ab = 160 * torch.rand(2, 2, 8, 8, generator=rng) - 80
    logits = torch.randn(2, 313, 8, 8, generator=rng)
    return ab.to(device), logits.to(device).requires_grad_()


def plain_cross_entropy(logits, bins, weights, v):
    """What one would write without colorlab."""
    each = -(weights * logits.log_softmax(dim=1).gather(1, bins)).sum(dim=1)
    return (v * each).mean()


def loss_and_gradient(loss, ab, logits, centers, w):
    bins, weights = soft_encode(ab, centers)
    value = loss(logits, bins, weights, w[bins[:, 0]])
    (gradient,) = torch.autograd.grad(value, logits)
    return value.detach(), gradient


def test_the_encoder_and_the_loss_take_few_operations_and_never_wait(pretended):
    ab, logits = target(pretended)
    centers, w = bin_centers().to(pretended), torch.rand(313).to(pretended)
    counts = []
    for loss in (soft_cross_entropy, plain_cross_entropy):
        with pretend.watch() as seen:
            loss_and_gradient(loss, ab, logits, centers, w)
        assert seen.waits == []
        counts.append(len(seen.operations))
    assert counts[0] <= MORE * counts[1]
    assert counts[1] < 80  # and the encoder, which both share, is short


def test_the_kernels_equal_the_cpus(pretended):
    rgb, centers, w = images(2, 3, 8, 8), bin_centers(), torch.rand(313)
    ab, logits = target("cpu")
    with torch.no_grad():
        lab = rgb_to_lab(rgb)
    given = [lab, lab_to_rgb(lab), nearest_bin(ab, centers), *soft_encode(ab, centers)]
    given += loss_and_gradient(soft_cross_entropy, ab, logits, centers, w)
    rgb, ab, centers, w = (x.to(pretended) for x in (rgb, ab, centers, w))
    logits = logits.detach().to(pretended).requires_grad_()
    with pretend.watch() as seen:
        lab = rgb_to_lab(rgb)
        found = [lab, lab_to_rgb(lab), nearest_bin(ab, centers)]
        found += soft_encode(ab, centers)
        found += loss_and_gradient(soft_cross_entropy, ab, logits, centers, w)
    assert seen.waits == []
    for mine, theirs in zip(given, found, strict=True):
        assert theirs.device.type == "pretend"
        torch.testing.assert_close(theirs.cpu(), mine, rtol=1e-4, atol=1e-4)


# A training step.


@pytest.fixture
def step_on(monkeypatch):
    """Give a function that takes two steps on a device, and gives what it saw."""

    def step(device, spoil=None, **changes):
        monkeypatch.setattr(Accelerator, "device", torch.device(device))
        return two_steps(device, spoil, replace(SHORT, **changes))

    return step


def two_steps(device, spoil, config):
    """Steps, and what they give; `spoil` may leave a part elsewhere."""
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True)
    channels = 2 if config.loss == "l2" else N_BINS
    model = make_network(config.width, config.variant, channels)
    model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    averaged = running_mean(accelerator, model, optimizer_of(optimizer), 0.9)
    centers = bin_centers().to(device)
    w = rebalance_weights(smooth_prior(load_prior(), bin_centers()), 0.5)
    parts = {
        "model": model,
        "batch": images(4, 3, 16, 16).to(device),
        "centers": centers,
        "w": w.float().to(device),
    }
    if spoil:
        spoil(parts)

    def objective(output, ab):
        label, tables = label_ab(ab, config.labels), (parts["centers"], parts["w"])
        skip = config.skip_gray
        return color_loss(output, label, model.head, *tables, config.k, skip)

    batch = parts["batch"].tensor_split(config.grad_accum_steps)
    with pretend.watch() as seen:
        for _ in range(2):
            loss, norm, *_ = train_step(
                model,
                [(part, 1 / len(batch)) for part in batch],
                objective,
                optimizer,
                accelerator,
                config.clip,
            )
    return seen, loss, norm, averaged


def optimizer_of(optimizer):
    """What accelerate's `prepare` returns has the optimizer within."""
    return type("Prepared", (), {"optimizer": optimizer})()


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize(
    "changes", [{}, {"loss": "l2"}, {"skip_gray": True}, {"grad_accum_steps": 2}]
)
def test_a_training_step_never_waits_for_the_device(pretended, step_on, changes):
    seen, loss, norm, averaged = step_on(pretended, **changes)
    assert seen.waits == []
    assert len(seen.operations) > 100
    _, loss_here, norm_here, averaged_here = step_on("cpu", **changes)
    assert loss.item() == loss_here.item()
    assert norm.item() == norm_here.item()
    assert torch.equal(flat_weights(averaged).cpu(), flat_weights(averaged_here))


def leave_a_weight(parts):
    layer = next(m for m in parts["model"].modules() if hasattr(m, "kernel_size"))
    layer.weight = torch.nn.Parameter(layer.weight.detach().cpu())


def leave_a_buffer(parts):
    layer = next(m for m in parts["model"].modules() if hasattr(m, "running_mean"))
    layer.running_mean = layer.running_mean.cpu()


def leave(name):
    def spoil(parts):
        parts[name] = parts[name].cpu()

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [leave_a_weight, leave_a_buffer, leave("batch"), leave("centers"), leave("w")],
    ids=["weight", "buffer", "batch", "centers", "w"],
)
def test_what_was_left_on_the_cpu_is_found(pretended, step_on, spoil):
    with pytest.raises((RuntimeError, ValueError), match=r"device"):
        step_on(pretended, spoil)


# Whole runs.


def run_records(out):
    timed = {"seconds"}
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if key not in timed}
        for line in lines
    ]


@pytest.mark.usefixtures("whole_batches")
def test_a_whole_run_equals_that_on_the_cpu(save_photos, tmp_path, there, monkeypatch):
    save_photos(tmp_path / "photos", 20, size=24)
    data = [(tmp_path / "photos", None)]
    with pretend.watch() as seen:
        theirs = train(data, tmp_path / "there", SHORT)
    assert len(seen.operations) > 1000
    monkeypatch.setattr(Accelerator, "device", torch.device("cpu"))
    mine = train(data, tmp_path / "here", SHORT)
    assert run_records(tmp_path / "there") == run_records(tmp_path / "here")
    found, expected = (flat_weights(model) for model in (theirs, mine))
    assert found.device.type == "cpu"
    assert torch.equal(found, expected)


def flat_weights(model):
    return torch.cat([each.detach().flatten() for each in model.parameters()])


def crash(step, record):
    if step == SHORT.save_every + 1:
        raise KeyboardInterrupt


def test_a_run_goes_on_there_as_if_it_had_not_stopped(save_photos, tmp_path, there):
    save_photos(tmp_path / "photos", 20, size=24)
    data = [(tmp_path / "photos", None)]
    whole = train(data, tmp_path / "whole", SHORT)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "parts", SHORT, on_step=crash)
    parts = train(data, tmp_path / "parts", SHORT, resume=True)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(parts.state_dict()[name], tensor), name
    saved = load_model(tmp_path / "parts" / "model.safetensors")
    assert torch.equal(saved.output.weight, parts.output.weight)


@pytest.fixture
def photo():
    return images(40, 56, 3, seed=3).numpy()


@pytest.mark.parametrize("name", ["tiny", "l2"])
def test_colorize_equals_the_cpus(pretended, photo, name):
    here = colorize(photo, load_pretrained(name))
    there = colorize(photo, load_pretrained(name, device=pretended))
    assert np.abs(np.asarray(here, int) - np.asarray(there, int)).max() <= 1


def test_evaluate_equals_the_cpus(save_photos, tmp_path, pretended):
    save_photos(tmp_path / "photos", 6, size=32)
    source = find_images(tmp_path / "photos")
    here, there = (
        evaluate_images(load_pretrained("tiny", device=device), source, size=32)
        for device in ("cpu", pretended)
    )
    assert flat(there) == pytest.approx(flat(here), rel=1e-4, abs=1e-4)


def flat(result):
    """All numbers of a report, by their path."""
    found = {}

    def walk(path, part):
        if isinstance(part, dict):
            for key, value in part.items():
                walk(f"{path}/{key}", value)
        elif isinstance(part, list | tuple):
            for place, value in enumerate(part):
                walk(f"{path}/{place}", value)
        elif isinstance(part, int | float):
            found[path] = part

    walk("", result)
    return found


def test_a_network_is_copied_and_moved_back(pretended):
    model = ColorNet(width=2).to(pretended)
    again = copy.deepcopy(model).cpu()
    for name, tensor in model.cpu().state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


# What shows numbers.


def test_the_widget_of_temperatures_shows_the_cpus_numbers(pretended, photo):
    photos = [("noise", Image.fromarray(photo), 0.5, 0.5)]
    here, there = (
        TemperatureExplorer(load_pretrained("tiny", device=device), photos, size=32)
        for device in ("cpu", pretended)
    )
    shown = set(here.trait_names(sync=True)) - set(AnyWidget.class_trait_names())
    assert "output" in shown
    for name in shown:
        assert getattr(there, name) == getattr(here, name), name


def grids(tensor):
    return show_grids({"L": tensor(8, 8)})


def distribution(tensor):
    return show_distribution(tensor(313).softmax(0), tensor(313, 2) * 100, 50.0)


def bins(tensor):
    return show_bins(tensor(313), tensor(313, 2) * 100)


def swatches(tensor):
    return show_swatches(tensor(3, 2, 2) * 50, ["a", "b"], ["c", "d"])


def pictures(tensor):
    return show_images({"noise": tensor(3, 8, 8)})


@pytest.mark.parametrize("show", [grids, distribution, bins, swatches, pictures])
def test_figures_take_tensors_of_any_device(pretended, show):
    rng = torch.Generator().manual_seed(0)
    show(lambda *shape: torch.rand(shape, generator=rng).to(pretended))
    matplotlib.pyplot.close("all")
