"""The arrow: lightness, logits, ab, the image in color (book chapter: colorize)."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from colorlab._lazy import is_out_of_memory
from colorlab._tiles import each_tile
from colorlab.datasets.images import File, open_image, open_rgb, to_tensor
from colorlab.decode import T_PAPER, annealed_mean, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import STRIDE
from colorlab.transfer import Network
from colorlab.weights import LARGEST_SIZE, load_pretrained

Size = int | Sequence[int]  # of the shorter side; or height and width
Predict = Callable[[Network, Tensor, float], Tensor]  # model, L, T -> ab
DEFAULT_SIZE = 128  # pixels, for networks whose card does not say
LONGEST = 8  # times `size`: a longer image is squeezed, to bound memory
_ENTERING = Lock()
# Of networks that color now: how many threads use each, and what of it was training.
_IN_USE: WeakKeyDictionary[nn.Module, tuple[int, list]] = WeakKeyDictionary()
BAND = 2**16  # pixels that a thread joins at once, in the cache; it bounds memory


def predict_ab(model: Network, L: Tensor, T: float | None = None) -> Tensor:
    """Color lightness: the whole way from L to ab (book chapter: colorize).

    Parameters
    ----------
    model : Network
        In eval mode.
    L : Tensor, shape (N, 1, H, W)
        Lightness in Lab units, on the device of `model`; H and W multiples of 8.
    T : float, optional
        Temperature of the annealed mean; None takes the card's, else 0.38. It has no
        effect on a network whose head is "ab".

    Returns
    -------
    Tensor, shape (N, 2, H, W)
        ab in Lab units, enlarged bilinearly.

    Raises
    ------
    ValueError
        As the `forward` of `model`, and `annealed_mean`.

    Examples
    --------
    >>> L = torch.full((1, 1, 16, 24), 50.0)
    >>> with torch.inference_mode():
    ...     predict_ab(load_pretrained("tiny"), L).shape
    torch.Size([1, 2, 16, 24])
    """
    return upsample(output_to_ab(model, model(L), T), (L.shape[-2], L.shape[-1]))


def output_to_ab(model: Network, output: Tensor, T: float | None = None) -> Tensor:
    """Read what a network returned as ab, by its head (book chapter: colorize).

    Parameters
    ----------
    model : Network
        The network.
    output : Tensor, shape (N, Q, h, w) or (N, 2, h, w)
        What it returned.
    T : float, optional
        As for `predict_ab`.

    Returns
    -------
    Tensor, shape (N, 2, h, w)
        ab in Lab units.
    """
    if model.head == "ab":
        return output
    return annealed_mean(output, model.centers, choose_settings(model, T)[0])


@torch.inference_mode()
def colorize(
    image: Image.Image | np.ndarray | File,
    model: Network | None = None,
    T: float | None = None,
    size: Size | None = None,
    device: str | torch.device = "cpu",
    strength: float = 1.0,
    predict: Predict | None = None,
) -> Image.Image:
    """Color an image, keeping its size and its lightness (book chapter: colorize).

    Parameters
    ----------
    image : PIL image, array, path or open binary file
        Gray, color (its colors are not looked at), palette, 16-bit or CMYK, as
        `open_image` takes it. Arrays have shape (H, W), (H, W, 3) or (H, W, 4) and
        hold uint8, uint16, or floats in 0..1. Of moving images, the first frame.
    model : Network, optional
        None takes the best that ships with the package. It is used in eval mode,
        whatever mode it is in, and left as it was.
    T : float, optional
        Temperature: low is vivid, 1 is cautious. None takes the card's, else 0.38.
    size : int or (height, width), optional
        What the network looks at: the image with its shorter side scaled to `size`
        and its aspect kept, or stretched to (height, width), as the authors' demo
        does. Rounded to multiples of 8. None takes the card's, else 128.
    device : str or torch.device
        Where the network is put if `model` is None; else it stays where it is.
    strength : float
        Multiplies ab, and so the chroma of each pixel: 0 is gray, 1 as predicted.
    predict : callable, optional
        Called as `predict(model, L, T)` with lightness of shape (1, 1, h, w); returns
        ab of shape (1, 2, h, w). None takes the network's answer. `Steady.predict` of
        `colorlab.film` is another.

    Returns
    -------
    PIL.Image.Image
        In sRGB, upright (an EXIF orientation is applied and dropped), of the input's
        size, mode RGB, or RGBA where the input has transparency, which is kept. Its
        `info` holds "notes" and "dpi", as `open_image` gives them.

    Raises
    ------
    ValueError
        If `image` is no image, is cut short or empty, a number is not positive,
        `strength` is negative, or `size` is above 2048 or too large for the memory
        that is free.

    Notes
    -----
    L is the input's, at full resolution; only ab comes from the network. Where both
    together lie outside the sRGB gamut, the color is clipped, and L shifts there.

    Only bands of rows are ever held as floats. A JPEG, PNG or TIFF of 8 bits takes at
    most 9 bytes a pixel beside what PyTorch and the network need, or 16 if it has
    transparency.

    Examples
    --------
    >>> gray = np.full((30, 40), 128, dtype=np.uint8)
    >>> colorize(gray, model=load_pretrained("tiny")).size
    (40, 30)
    """
    if not 0 <= strength < math.inf:
        raise ValueError(f"strength must be a number from 0 on, got {strength}")
    opened = open_image(image)
    model = load_pretrained(device=device) if model is None else model
    T, size = choose_settings(model, T, size)
    L = rgb_to_lab(_shrink(opened, size).to(model.centers.device))[:, :1]
    with _inference(model, size):
        ab = (predict or _in_cells)(model, L, T).cpu()
    _join(opened, strength * ab)
    return opened


def _in_cells(model: Network, L: Tensor, T: float) -> Tensor:
    """Return the network's ab before it is enlarged: one for each 4 x 4 pixels."""
    return output_to_ab(model, model(L), T)


@torch.inference_mode()
def network_output(image: Image.Image, model: Network, size: Size) -> Tensor:
    """Show an image to a network, and return what it says (book chapter: colorize).

    Parameters
    ----------
    image : PIL.Image.Image
        As `open_image` of `colorlab.datasets.images` returns it.
    model : Network
        It is used in eval mode, and left as it was.
    size : int or (height, width)
        As for `colorize`.

    Returns
    -------
    Tensor, shape (1, Q, h, w) or (1, 2, h, w)
        Logits or ab, by its head: what `output_to_ab` reads.

    Raises
    ------
    ValueError
        If `size` is not positive, above 2048 or too large for the memory that is free.

    Examples
    --------
    >>> image = Image.new("L", (640, 480))
    >>> network_output(image, load_pretrained("tiny"), 64).shape
    torch.Size([1, 313, 16, 22])
    """
    L = rgb_to_lab(_shrink(image, size).to(model.centers.device))[:, :1]
    with _inference(model, size):
        return model(L)


def choose_settings(
    model: Network, T: float | None = None, size: Size | None = None
) -> tuple[float, Size]:
    """Take what is not given from the network's card (book chapter: colorize).

    Parameters
    ----------
    model : Network
        The network.
    T, size
        As for `colorize`.

    Returns
    -------
    T, size
        The same, or the card's, else 0.38 and 128.

    Raises
    ------
    ValueError
        If T is not positive and finite, or as `network_size`.

    Examples
    --------
    >>> choose_settings(load_pretrained("tiny"), T=0.5)
    (0.5, 128)
    """
    T = model.card.get("T", T_PAPER) if T is None else T
    size = model.card.get("size", DEFAULT_SIZE) if size is None else size
    if not 0 < T < math.inf:
        raise ValueError(f"T must be positive and finite, got {T}")
    network_size(1, 1, size)  # refuses what is out of range, before any work
    return T, size


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Use a network in eval mode, and leave each of its parts as it was.

    Parameters
    ----------
    model : Module
        Threads may share it: the last one gives it back.

    Examples
    --------
    >>> model = load_pretrained("tiny").train()
    >>> with eval_mode(model):
    ...     model.training
    False
    >>> model.training
    True
    """
    with _ENTERING:  # of a thread that came before, what was training is known
        training = [module for module in model.modules() if module.training]
        users, training = _IN_USE.get(model, (0, training))
        _IN_USE[model] = users + 1, training
        for module in training:
            module.training = False
    try:
        yield
    finally:
        with _ENTERING:
            users, training = _IN_USE.pop(model)
            if users > 1:
                _IN_USE[model] = users - 1, training
            else:
                for module in training:
                    module.training = True


@contextmanager
def _inference(model: Network, size: Size) -> Iterator[None]:
    """Use a network in eval mode; refuse too large a size."""
    try:
        with eval_mode(model):
            yield
    except (MemoryError, RuntimeError) as error:  # torch raises its own, or this
        if not is_out_of_memory(error):
            raise
        raise ValueError(f"size must be smaller for this memory, got {size}") from error


def network_size(height: int, width: int, size: Size) -> tuple[int, int]:
    """Choose the height and width at which a network looks at an image.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    size : int or (int, int)
        The shorter side wanted, with the aspect kept; or (height, width).

    Returns
    -------
    height, width : int
        Multiples of 8. The longer side is at most 8 times `size`: a longer image is
        squeezed, to bound memory.

    Raises
    ------
    ValueError
        If `size` is not positive, or above 2048.

    Examples
    --------
    >>> network_size(600, 800, 128)
    (128, 168)
    """
    sides: Sequence = size if isinstance(size, Sequence) else [size]
    if isinstance(size, str) or not 1 <= len(sides) <= 2:
        raise ValueError(f"size must be a number or (height, width), got {size!r}")
    wanted = [float(side) for side in sides]
    if not all(0 < side <= LARGEST_SIZE for side in wanted):
        raise ValueError(f"size must be positive, at most {LARGEST_SIZE}; got {size}")
    if len(wanted) == 1:
        scale = wanted[0] / min(height, width)
        wanted = [min(n * scale, LONGEST * wanted[0]) for n in (height, width)]
    height, width = (max(1, round(side / STRIDE)) * STRIDE for side in wanted)
    return height, width


def read_image(path: str | Path, size: int) -> tuple[Tensor, Tensor]:
    """Read one image as lightness and chroma (book chapter: colorize).

    Parameters
    ----------
    path : str or Path
        An image file.
    size : int
        The shorter side wanted, in pixels; both sides are rounded to multiples of 8,
        as the network needs.

    Returns
    -------
    L : Tensor, shape (1, 1, H, W)
        In Lab units.
    ab : Tensor, shape (1, 2, H, W)
        In Lab units.

    Raises
    ------
    ValueError
        If the file is no whole image.
    """
    L, ab = rgb_to_lab(_shrink(open_rgb(path), size)).split([1, 2], dim=1)
    return L, ab


def _shrink(image: Image.Image, size: Size) -> Tensor:
    """Resize an image for a network, averaging: uint8, shape (1, 3, h, w)."""
    height, width = network_size(image.height, image.width, size)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return to_tensor(rgb.resize((width, height), Image.Resampling.BILINEAR))[None]


def to_image(rgb: Tensor) -> Image.Image:
    """Turn a tensor into an 8-bit image (book chapter: colorize).

    Parameters
    ----------
    rgb : Tensor of floats, shape (3, H, W)
        sRGB in 0..1; values outside are clipped.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Examples
    --------
    >>> to_image(torch.ones(3, 2, 4)).getpixel((0, 0))
    (255, 255, 255)
    """
    return _from_bytes(_to_bytes(rgb).cpu())


def _to_bytes(rgb: Tensor) -> Tensor:
    return (rgb.clamp(0, 1) * 255).round().byte()


def _from_bytes(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _join(image: Image.Image, ab: Tensor) -> None:
    """Put ab, enlarged, under an image's own lightness; the image is changed."""

    def join_rows(_: slice, rows: slice) -> None:
        box = (0, rows.start, image.width, min(rows.stop, image.height))
        band = to_tensor(image.crop(box))
        L = rgb_to_lab(band[:3])[:1]
        lab = torch.cat([L, upsample_rows(ab, image.size, box[1], box[3])[0]])
        band[:3] = _to_bytes(lab_to_rgb(lab))
        image.paste(_from_bytes(band), box)

    each_tile(join_rows, 1, image.height, max(1, BAND // image.width))


def upsample_rows(ab: Tensor, size: tuple[int, int], top: int, bottom: int) -> Tensor:
    """Return the rows of `upsample` from top to bottom, without the others."""
    cells, (width, height) = ab.shape[2], size
    rows = torch.arange(top, bottom, dtype=ab.dtype, device=ab.device)
    place = (rows + 0.5) * cells / height - 0.5
    above = place.clamp(0, cells - 1).floor().long()
    below = (above + 1).clamp(max=cells - 1)
    share = (place.clamp(min=0) - above)[:, None]
    first = int(above[0])
    wide = upsample(
        part := ab[:, :, first : int(below[-1]) + 1], (part.shape[2], width)
    )
    return wide[:, :, above - first].lerp(wide[:, :, below - first], share)
