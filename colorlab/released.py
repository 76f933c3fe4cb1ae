"""The networks that the authors released, for whoever has their files.

Zhang et al. 2016 (`eccv16`) and 2017 (`siggraph17`). The files are not shipped: they
are looked for, or downloaded from where the authors keep them, and read without running
anything that is in them.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from colorlab.datasets.images import open_rgb, to_tensor
from colorlab.files import whole_file
from colorlab.lab import rgb_to_lab
from colorlab.losses import soft_cross_entropy
from colorlab.network import AB_REACH, ColorNet
from colorlab.quantize import N_BINS, soft_encode
from colorlab.siggraph import SiggraphNet
from colorlab.transfer import Network
from colorlab.weights import ASSETS, check_tensors

ADDRESS = "https://colorizers.s3.us-east-2.amazonaws.com"
MOST = 300_000_000  # bytes of a file; theirs have 129 and 137 million
SHARPENING = 2.606  # the Caffe network multiplies its logits by it: T = 0.38
SIZE = [256, 256]  # pixels; the authors' demo stretches each photo to it
COUNTER = "num_batches_tracked"  # of batch norm; it has no effect
KNOWN_COLORS = ASSETS / "known-colors.jpg"  # square photos, side by side
PLAIN = torch.contiguous_format
NEAR = 5.0  # ab units; half a bin, within which a center is that bin's


class Released(NamedTuple):
    """A file of the authors."""

    file: str
    hash: str  # the beginning of its SHA-256, as its name has it
    blocks: dict[str, str]  # of theirs, to ours, where they are called otherwise
    left_out: dict[str, tuple[int, ...]]  # shapes of what ours have no place for


RELEASED = {
    "eccv16": Released(
        "colorization_release_v2-9b330a0b.pth",
        "9b330a0b",
        {"model8.6": "output"},
        {"model_out.weight": (2, N_BINS, 1, 1)},
    ),
    "siggraph17": Released(
        "siggraph17-df00044c.pth",
        "df00044c",
        {
            **{f"model{n}up.0": f"up{n}" for n in (8, 9, 10)},
            **{f"model{11 - n}short{n}.0": f"short{n}" for n in (8, 9, 10)},
            "model_out.0": "output",
        },
        {"model_class.0.weight": (529, 256, 1, 1), "model_class.0.bias": (529,)},
    ),
}


def load_released(
    name: str,
    path: str | Path | None = None,
    device: str | torch.device = "cpu",
    progress: Callable[[Iterable], Iterable] = iter,
) -> Network:
    """Load a network that the authors released.

    Parameters
    ----------
    name : str
        "eccv16" (Zhang et al. 2016) or "siggraph17" (Zhang et al. 2017), which is used
        without a person's dots.
    path : str or Path, optional
        Their file, a .pth of PyTorch. None takes it from the folder `released` of
        `colorlab.datasets.download.data_folder`, to which it is downloaded once, and
        checked by the beginning of its SHA-256, which is in its name.
    device : str or torch.device
        Where to put it.
    progress : callable, optional
        Wraps the megabytes of the download, for a progress bar.

    Returns
    -------
    Network
        In float32, in eval mode. Its `card` says whether the file is the published
        one, and whether a temperature was in its weights: then it is taken out, so
        that T means what it means for any other network.

    Raises
    ------
    ValueError
        If the name is unknown, the file cannot be had, or holds anything but these
        weights.

    Notes
    -----
    The file is a pickle, of which PyTorch reads only tensors (`weights_only=True`).
    The last layer of eccv16, from bins to ab, must hold the bin centers, in our order;
    `annealed_mean` does its work.
    """
    if name not in RELEASED:
        raise ValueError(f"name must be one of {[*RELEASED]}, got {name!r}")
    path = Path(path) if path else _downloaded(name, progress)
    if not path.is_file():
        raise ValueError(f"path must be a file; there is none at {path}")
    if path.stat().st_size > MOST:
        raise ValueError(f"path must have at most {MOST:,} bytes; {path} has more")
    try:
        network = _mapped(name, _read(path))
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"path must hold the authors' weights of {name}; {path}: {error}"
        ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    published = digest.startswith(RELEASED[name].hash)
    network.card = {"name": name, "sha256": digest, "published": published}
    network.card |= {"source": f"{ADDRESS}/{RELEASED[name].file}", "size": SIZE}
    if network.head == "bins":
        sharpened = is_sharpened(network)
        if sharpened:
            with torch.no_grad():
                for parameter in network.output.parameters():
                    parameter.div_(SHARPENING)
        network.card |= {"sharpened": sharpened, "T": round(1 / SHARPENING, 4)}
    return network.to(device)


@torch.inference_mode()
def is_sharpened(model: Network) -> bool:
    """Return whether a temperature is in a network's weights already.

    Parameters
    ----------
    model : Network
        Whose head is "bins", in eval mode, trained with cross-entropy.

    Returns
    -------
    bool
        True if its logits, divided by 2.606, foretell the colors of five photos better
        than they do as they are: training would not have left them so.

    Notes
    -----
    A trained network's colors come about as often as it says; Guo et al. 2017 fit a
    temperature on such grounds. Here there are two candidates only: 1, and the authors'
    0.38. Of the five networks of this package with bins, none is taken for sharpened,
    and each is once its logits are multiplied: divided by 2.606, cross-entropy rises
    by 0.26 to 0.66 nats as they are, and falls by 0.19 to 1.39 when multiplied before.

    Examples
    --------
    >>> from colorlab import load_pretrained
    >>> is_sharpened(load_pretrained("tiny"))
    False
    """
    centers = model.centers
    lab = rgb_to_lab(_known_colors().to(centers.device))
    bins, weights = soft_encode(avg_pool2d(lab[:, 1:], 4), centers)
    logits = model(lab[:, :1])
    as_is, softer = (
        soft_cross_entropy(z, bins, weights) for z in (logits, logits / SHARPENING)
    )
    return bool(softer < as_is)


def _known_colors() -> Tensor:
    """Return five photos, uint8, shape (5, 3, 128, 128)."""
    strip = to_tensor(open_rgb(KNOWN_COLORS))
    return torch.stack(strip.split(strip.shape[1], dim=2))


def _downloaded(name: str, progress: Callable[[Iterable], Iterable]) -> Path:
    """Return the file in the folder of data sets; download it if it is not there."""
    from colorlab.datasets.download import data_folder, fetch  # filelock is an extra

    released = RELEASED[name]
    path = data_folder() / "released" / released.file
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole_file(path) as file:
            known = f"sha256:{released.hash}"
            fetch(f"{ADDRESS}/{released.file}", file, MOST, known, progress)
    except ValueError as error:
        raise ValueError(
            f"{name} is not here: {error}; get {released.file} by other ways, and give "
            f"its path, or put it into {path.parent}"
        ) from error
    return path


def _read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a pickle; nothing in it is run."""
    try:
        with warnings.catch_warnings(action="ignore"):  # for whoever wrote the file
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes of strangers make the libraries raise anything
        size = f"{path.stat().st_size:,} bytes"
        raise ValueError(
            f"its {size} are no whole file of PyTorch with nothing but tensors"
        ) from error
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}, not named weights")
    if not all(map(_is_plain, state.values())) or not all(
        isinstance(key, str) for key in state
    ):
        raise ValueError("it holds other things than named weights")
    return state


def _is_plain(entry: object) -> bool:
    """Return whether an entry is a tensor with a number in memory at each place."""
    if not isinstance(entry, Tensor) or entry.is_nested or entry.is_quantized:
        return False
    return entry.layout == torch.strided and entry.device.type == "cpu"


def _as_floats(tensor: Tensor) -> Tensor:
    """Return numbers of any precision in ours; others, such as counters, as they are.

    What is too large for it becomes infinite, and is refused as that.
    """
    return tensor.detach().float() if tensor.is_floating_point() else tensor


def _mapped(name: str, state: dict[str, Tensor]) -> Network:
    """Put the authors' tensors where ours have their places."""
    with torch.device("meta"):
        network = SiggraphNet() if name == "siggraph17" else ColorNet(64, "released")
    released, ours = RELEASED[name], network.state_dict()
    found = {_ours(key, released.blocks): tensor for key, tensor in state.items()}
    shapes = {key: tuple(tensor.shape) for key, tensor in ours.items()}
    for key in [key for key in shapes if key.endswith(COUNTER)]:
        del shapes[key]  # older files lack it
        found[key] = torch.tensor(0)
    shapes |= released.left_out | {key: () for key in found if key.endswith(COUNTER)}
    if different := found.keys() ^ shapes.keys():
        raise ValueError(f"{len(different)} weights are amiss, as {min(different)}")
    for key, tensor in found.items():
        if tuple(tensor.shape) != shapes[key]:
            raise ValueError(
                f"{key} has shape {tuple(tensor.shape)}, not {shapes[key]}"
            )
    found = {key: _as_floats(tensor) for key, tensor in found.items()}
    check_tensors(found)
    if name == "eccv16":
        _check_centers(found["model_out.weight"], network)
    # Copies: one number in memory may be at several places of a stranger's tensors.
    kept = {key: found[key].clone(memory_format=PLAIN) for key in ours}
    network.load_state_dict(kept, assign=True)
    return network.eval()


def _ours(key: str, blocks: dict[str, str]) -> str:
    """Return our name of one of the authors' tensors: model3.2.bias is conv3.2.bias."""
    layer, _, kind = key.rpartition(".")
    if layer in blocks:
        return f"{blocks[layer]}.{kind}"
    number, *rest = key.removeprefix("model").split(".")
    numbered = key.startswith("model") and number.isdecimal()
    return ".".join([f"conv{number}", *rest]) if numbered else key


def _check_centers(weight: Tensor, network: Network) -> None:
    """Refuse a last layer that does not hold the bin centers, in our order."""
    theirs = weight[:, :, 0, 0].T.float()
    centers = network.get_buffer("centers")
    off = min(float((theirs * by - centers).abs().max()) for by in (1, AB_REACH))
    if off > NEAR:
        raise ValueError(f"model_out must hold the bin centers; it is {off:.0f} ab off")
