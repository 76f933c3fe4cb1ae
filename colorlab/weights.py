"""A network's weights: saved, loaded, made smaller (book chapter: network)."""

import json
import math
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from colorlab._lazy import BEST
from colorlab.files import whole_file
from colorlab.network import STRIDE, Convolution
from colorlab.transfer import Network, make_network

ASSETS = Path(__file__).parent / "assets"
REFUSED = (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError)
SHOWN = 200  # letters of what a library says
SHAPE = ("width", "variant", "out_channels")  # what a card must hold
INT8_MOST = 127  # -128 is left out, so that signs are alike
SMALL = 0.01  # of all weights: int8 would cost such a layer more than it saves
LARGEST_SIZE = 2048  # pixels that a card may ask for: a stranger's must not fill memory


def save_model(
    model: Network,
    path: str | Path,
    *,
    dtype: torch.dtype | None = None,
    **metadata: object,
) -> None:
    """Write a network and its card to a safetensors file.

    Parameters
    ----------
    model : Network
        It is not changed.
    path : str or Path
        The file; it is replaced in one step, so that a crash cannot leave half.
    dtype : torch.dtype, optional
        float16: weights in half the space; the statistics of batch norm stay in
        float32, as variances reach 1e9 and float16 ends at 65504. int8: each output
        channel's kernels rounded to -127..127 times a scale of its own, in a quarter
        of the space; layers with under 1 % of the weights, such as depthwise ones,
        stay as they are. None: the precision that the model has.
    **metadata
        Added to the model's card: anything JSON can hold. "T" and "size" become the
        defaults of `colorlab.colorize.colorize`.

    Raises
    ------
    ValueError
        If a weight is not a finite float, `dtype` is another, or the card's T or size
        is out of range.
    OSError
        If the file cannot be written, as on a full disk.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(make_network(2, "paper"), f"{folder}/small.safetensors", T=0.5)
    ...     load_model(f"{folder}/small.safetensors").card["T"]
    0.5
    """
    if dtype not in (None, torch.float16, torch.int8):
        raise ValueError(f"dtype must be float16, int8 or None, got {dtype}")
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    card = model.card | metadata | shape_of(model)
    check_card(card)
    tensors = {name: t.contiguous().cpu() for name, t in model.state_dict().items()}
    if dtype == torch.float16:
        tensors |= {name: tensors[name].half() for name, _ in model.named_parameters()}
    check_tensors(tensors)  # float16 ends at 65504
    if dtype == torch.int8:
        tensors |= _as_int8(model)
    with whole_file(path) as file:
        file.write(save(tensors, metadata={"colorlab": json.dumps(card)}))


def shape_of(model: Network) -> dict:
    """Return what a card says of a network's layers, as `make_network` takes it.

    Parameters
    ----------
    model : Network
        Any network.

    Returns
    -------
    dict
        width, variant and out_channels.
    """
    return {name: getattr(model, name) for name in SHAPE}


@torch.no_grad()
def calibrate(model: Network, batches: Iterable[Tensor]) -> Network:
    """Measure the means and variances of batch norm anew, in place.

    Parameters
    ----------
    model : Network
        Its weights stay as they are.
    batches : iterable of Tensor of shape (N, 1, H, W)
        Lightness of photos, of the kind and size that the network is to color.

    Returns
    -------
    Network
        The same, in eval mode. Its statistics are the mean of those of the batches.

    Raises
    ------
    ValueError
        If there is no batch, or no batch norm of `model` is measured in training, as
        in a pretrained encoder, whose statistics would be lost.

    Notes
    -----
    A network trained on small pictures scales its channels by their statistics, which
    larger ones do not have; on them it is too vivid. The same is done after averaging
    weights (Izmailov et al. 2018). Book chapter: evaluate.
    """
    copy = deepcopy(model).train()  # an error leaves the given one as it was
    norms = [m for m in copy.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    if not norms:
        raise ValueError(
            "model must have batch norm that training measures; that of a pretrained "
            "encoder stays as it came"
        )
    update_bn(batches, copy)
    if not norms[0].num_batches_tracked:
        raise ValueError("batches must hold at least one, got none")
    model.load_state_dict(copy.state_dict())
    return model.eval()


def _as_int8(model: Network) -> dict[str, Tensor]:
    """Return large kernels as integers, and what to multiply each channel's by."""
    tensors = {}
    layers = {n: m for n, m in model.named_modules() if isinstance(m, Convolution)}
    least = SMALL * sum(layer.weight.numel() for layer in layers.values())
    for name, layer in layers.items():
        weight = layer.weight.detach().float().cpu()
        if weight.numel() < least:
            continue
        inputs = 0 if isinstance(layer, nn.ConvTranspose2d) else 1
        scale = weight.abs().amax((inputs, 2, 3), keepdim=True) / INT8_MOST
        scale = scale.clamp(min=torch.finfo(torch.float32).tiny)  # of a dead channel
        tensors[f"{name}.weight"] = (weight / scale).round().to(torch.int8)
        tensors[f"{name}.weight_scale"] = scale
    return tensors


def _from_int8(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Multiply kernels stored as integers by their scales."""
    for name in [name for name, t in tensors.items() if t.dtype == torch.int8]:
        kernels, scale = tensors[name], tensors.pop(f"{name}_scale")
        # The product must not outgrow the file.
        if torch.broadcast_shapes(kernels.shape, scale.shape) != kernels.shape:
            raise ValueError(f"{name}_scale must fit {name}")
        tensors[name] = kernels * scale
    return tensors


def load_model(path: str | Path, device: str | torch.device = "cpu") -> Network:
    """Load a network that `save_model` wrote.

    Parameters
    ----------
    path : str or Path
        A safetensors file. The format holds numbers only: nothing in it is run.
    device : str or torch.device
        Where to put it.

    Returns
    -------
    Network
        In float32, in eval mode; its `card` is the file's.

    Raises
    ------
    ValueError
        If the file is missing, damaged or not of a network, or if its weights are
        not finite floats, a variance is negative, or its card's T or size is out of
        range.
    """
    if not Path(path).is_file():
        raise ValueError(f"path must be a network's file; there is none at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})["colorlab"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        # On "meta" the network has no memory yet: a false width costs nothing.
        with torch.device("meta"):
            model = make_network(*(card[name] for name in SHAPE))
        check_card(card)
        tensors = _from_int8(tensors)
        check_tensors(tensors)
        model.load_state_dict(tensors, assign=True)
    except REFUSED as error:
        why = _reason(Path(path), error)
        raise ValueError(f"path must be a colorlab network; {path}: {why}") from error
    model.card = card
    return model.float().eval().to(device)


def _reason(path: Path, error: Exception) -> str:
    """Return in one line why a file is no network of ours."""
    if isinstance(error, SafetensorError):
        with path.open("rb") as file:
            pickled = file.read(2) in (b"PK", b"\x80\x02")
        if pickled or path.suffix == ".caffemodel":
            return "weights of PyTorch or Caffe (.pth, .caffemodel), which are not read"
        return f"no whole safetensors file ({error})"
    if isinstance(error, KeyError):
        return f"its card lacks {error}"
    if isinstance(error, TypeError | RuntimeError | json.JSONDecodeError):
        told = " ".join(str(error).split())
        return f"its card and its weights do not fit ({told[:SHOWN]})"
    return str(error)


def check_card(card: dict) -> None:
    """Refuse a T or size that would only fail, or fill memory, when it is used.

    Parameters
    ----------
    card : dict
        What a file says of its network.

    Raises
    ------
    ValueError
        If T is no positive, finite number, or size is out of range.

    Examples
    --------
    >>> check_card({"T": 0.38, "size": 128})
    """
    T, size = card.get("T", 1.0), card.get("size", STRIDE)
    sides = size if isinstance(size, list) and len(size) == 2 else [size]
    if not (type(T) in (int, float) and 0 < T < math.inf):
        raise ValueError(f"the card's T must be a positive number, got {T!r}")
    if not all(type(n) in (int, float) and STRIDE <= n <= LARGEST_SIZE for n in sides):
        raise ValueError(
            f"the card's size must be in {STRIDE}..{LARGEST_SIZE}, got {size!r}"
        )


def check_tensors(tensors: dict[str, Tensor]) -> None:
    """Refuse weights that are no numbers: they would color every image black.

    Parameters
    ----------
    tensors : dict of str to Tensor
        The state of a network.

    Raises
    ------
    ValueError
        If one holds integers, is not finite, or is a negative variance.

    Examples
    --------
    >>> check_tensors({"output.bias": torch.zeros(2)})
    """
    for name, tensor in tensors.items():
        counter = name.endswith("num_batches_tracked")
        if not tensor.is_floating_point() and not counter:
            raise ValueError(f"weight {name} must hold floats, got {tensor.dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"weight {name} must hold finite numbers")
        if name.endswith("running_var") and (tensor < 0).any():
            raise ValueError(f"weight {name} must not be negative")


def shipped() -> list[str]:
    """List the networks that ship with the package.

    Returns
    -------
    list of str
        Their names, for `load_pretrained`.

    Examples
    --------
    >>> "tiny" in shipped()
    True
    """
    return sorted(file.stem for file in ASSETS.glob("*.safetensors"))


def load_pretrained(name: str = BEST, device: str | torch.device = "cpu") -> Network:
    """Load a network that ships with the package.

    Parameters
    ----------
    name : str
        One of `shipped`; without it, the one that colors best.
    device : str or torch.device
        Where to put it.

    Returns
    -------
    Network
        In float32, in eval mode; how it was trained stands in its `card`.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> model = load_pretrained("tiny")
    >>> model.width, model.head, tuple(model.centers.shape)
    (16, 'bins', (313, 2))
    """
    if name not in shipped():
        raise ValueError(f"name must be one of {shipped()}, got {name!r}")
    return load_model(ASSETS / f"{name}.safetensors", device)
