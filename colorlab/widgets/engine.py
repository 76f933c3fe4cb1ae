"""A network as the kernel of the photo page runs it: steps, and a block of weights."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from colorlab.network import L_MIDDLE, L_RANGE, STRIDE, ColorNet, Convolution
from colorlab.transfer import (
    COARSEST,
    MIDDLE,
    RANGE,
    READ,
    TYPICAL,
    BorrowedNet,
    MBConv,
)

BYTES = {torch.int8: 1, torch.int16: 2, torch.float32: 4}
CLIPPED = torch.linspace(1, 0.6, 21)  # of the largest weight: what may round to it
PAGE = 4  # bytes: arrays start at multiples of it
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


class Packer:
    """A block of arrays, and the steps that read them.

    Parameters
    ----------
    fine_below : int
        Kernels with fewer weights are rounded to 16 bits, all others to 8.

    Attributes
    ----------
    steps : list of dict
        In order; see `pack_network`.
    block : bytearray
        Arrays, each from a multiple of four bytes on.
    """

    def __init__(self, fine_below: int) -> None:
        self.fine_below = fine_below
        self.steps: list[dict] = []
        self.block = bytearray()

    def put(self, array: Tensor) -> int:
        """Append an array; return where it starts."""
        at = len(self.block)
        self.block += array.contiguous().numpy().tobytes()
        self.block += bytes(-len(self.block) % PAGE)
        return at

    def double(self, source: int) -> int:
        """Append a step that doubles height and width; return its map's number."""
        self.steps.append({"from": source, "doubles": True})
        return len(self.steps)

    def add(
        self, modules: Iterable[nn.Module], source: int, added: int = 0, by: float = 1.0
    ) -> int:
        """Append a chain of layers, its input times `by`; return its map's number."""
        for last, group in _groups(modules):
            self.steps.append(self._step(group, by) | {"from": source})
            by, source = 1.0, len(self.steps)
            if last and added:
                self.steps[-1]["added"] = added
        return source

    def _step(self, group: Sequence[nn.Module], by: float) -> dict:
        """Describe one convolution with what stands around it."""
        layer = next(m for m in group if isinstance(m, CONVOLUTIONS))
        depthwise = layer.groups > 1
        weight = layer.weight.detach() * by
        bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias
        turned = isinstance(layer, nn.ConvTranspose2d)
        if turned:
            weight = weight.transpose(0, 1)
        step: dict = {
            "inputs": layer.in_channels,
            "outputs": layer.out_channels,
            "depthwise": depthwise,
            "stride": 1 if turned else layer.stride[0],
            "larger": layer.stride[0] if turned else 1,
        }
        before = 0
        for module in group:
            if isinstance(module, nn.ZeroPad2d):
                before = module.padding[0]
            elif isinstance(module, nn.BatchNorm2d):
                gain, shift = _norm(module)
                if "least" in step:  # after the ReLU: zeros around a map come after it
                    step |= {"gain": self.put(gain), "shift": self.put(shift)}
                else:
                    weight, bias = weight * gain[:, None, None, None], bias + shift
            elif isinstance(module, nn.ReLU | nn.ReLU6):
                step["least"] = 0
                if isinstance(module, nn.ReLU6):
                    step["most"] = 6
        return step | self._kernels(layer, weight, bias.detach(), before)

    def _kernels(
        self, layer: Convolution, weight: Tensor, bias: Tensor, before: int
    ) -> dict:
        """Round a layer's kernels and say which pixels they see."""
        kind = torch.int16 if weight.numel() < self.fine_below else torch.int8
        rounded, scale = round_kernels(weight, kind)
        places = _turned_places if isinstance(layer, nn.ConvTranspose2d) else _places
        parts = []
        for corner, taps, kept in places(layer, before):
            seen = rounded.flatten(2)[:, :, kept]
            parts.append({"corner": corner, "taps": taps, "weights": self.put(seen)})
        arrays = {"scale": self.put(scale), "bias": self.put(bias)}
        return {"parts": parts, "bytes": BYTES[kind], **arrays}


def pack_network(model: ColorNet, fine_below: int = 0) -> tuple[dict, bytes]:
    """Write a network as steps that a small kernel can run.

    Parameters
    ----------
    model : ColorNet or BorrowedNet
        In eval mode, on the CPU, with one logit a bin.
    fine_below : int
        Kernels with fewer weights are rounded to 16 bits, all others to 8: the filters
        of single channels are few and need it.

    Returns
    -------
    program : dict
        `input`: what is subtracted from lightness (or, if `gray`, from the value of
        its gray in sRGB), by what it is divided, and of what height and width must be
        multiples. `steps`: each reads map number `from` (0 is the input, n what step n
        made) and doubles it, or convolves: taps seen, stride, where its arrays start
        in the block, bounds of the result, and which map is added to it.
    block : bytes
        Weights, and for each output channel a scale, a bias, and perhaps a gain and a
        shift.

    Raises
    ------
    ValueError
        If the network answers with ab.

    Examples
    --------
    >>> program, block = pack_network(ColorNet(width=2).eval())
    >>> len(program["steps"]), program["steps"][0]["stride"]
    (23, 1)
    """
    if model.head != "bins":
        raise ValueError(f'model must answer with "bins", got {model.head!r}')
    packer = Packer(fine_below)
    if isinstance(model, BorrowedNet):
        entry = {"gray": True, "middle": MIDDLE, "range": RANGE, "multiple": COARSEST}
        _pack_borrowed(packer, model)
    else:
        entry = {"middle": L_MIDDLE, "range": L_RANGE, "multiple": STRIDE}
        layers = [m for m in model.modules() if not [*m.children()]]
        packer.add(layers, source=0)
    return {"input": entry, "steps": packer.steps}, bytes(packer.block)


def _pack_borrowed(packer: Packer, model: BorrowedNet) -> None:
    """Append the steps of `BorrowedNet.forward`."""
    x, seen = packer.add(model.stem, source=0), []
    for stage in model.stages:
        for block in (m for m in stage.modules() if isinstance(m, MBConv)):
            x = packer.add(block.layers, x, added=x if block.adds else 0)
        seen.append(x)
    pairs = [*zip(model.lateral, (seen[stage] for stage in READ), strict=True)]
    lateral, source = pairs.pop()
    x = packer.add([lateral], source, by=1 / TYPICAL)
    for lateral, source in reversed(pairs):
        x = packer.add([lateral], source, added=packer.double(x), by=1 / TYPICAL)
    for refine in model.refine:
        x = packer.add(refine.children(), x, added=x)
    packer.add([model.output], x)


def round_kernels(weight: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """Round each output channel's kernels to integers times a scale of its own.

    Parameters
    ----------
    weight : Tensor, shape (outputs, inputs, side, side)
        The kernels.
    kind : torch.dtype
        int8 or int16.

    Returns
    -------
    rounded : Tensor of `kind`, shape (outputs, inputs, side, side)
        From -127 to 127, or from -32767 to 32767.
    scale : Tensor, shape (outputs,)
        The one with the smallest squared error: it may clip the largest weights.

    Examples
    --------
    >>> rounded, scale = round_kernels(torch.tensor([[[[1.0, 0.5]]]]), torch.int8)
    >>> rounded.flatten().tolist(), round(127 * scale.item(), 2)
    ([127, 64], 1.0)
    """
    largest = torch.iinfo(kind).max
    flat = weight.flatten(1)
    tiny = torch.finfo(torch.float32).tiny  # a dead channel's scale must not be 0
    whole = (flat.abs().amax(1) / largest).clamp(min=tiny)
    errors = []
    for share in CLIPPED:
        step = (whole * share)[:, None]
        rounded = (flat / step).round().clamp(-largest, largest)
        errors.append((rounded * step - flat).square().sum(1))
    scale = whole * CLIPPED[torch.stack(errors).argmin(0)]
    rounded = (flat / scale[:, None]).round().clamp(-largest, largest)
    return rounded.to(kind).view_as(weight), scale


def _norm(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return batch norm as a gain and a shift."""
    state = norm.state_dict()
    gain = state["weight"] / (state["running_var"] + norm.eps).sqrt()
    return gain, state["bias"] - state["running_mean"] * gain


def _groups(modules: Iterable[nn.Module]) -> Iterator[tuple[bool, list[nn.Module]]]:
    """Cut a chain of modules before each convolution, or the padding before it."""
    groups: list[list[nn.Module]] = []
    for module in modules:
        padded = bool(groups) and isinstance(groups[-1][-1], nn.ZeroPad2d)
        starts = isinstance(module, (nn.ZeroPad2d, *CONVOLUTIONS))
        if starts and not padded:
            groups.append([])
        groups[-1].append(module)
    return ((group is groups[-1], group) for group in groups)


def _places(layer: Convolution, before: int) -> list[tuple[list, list, list]]:
    """Corner, taps (dy, dx) and kept weights of a plain convolution: all."""
    before += int(layer.padding[0])
    steps = [layer.dilation[0] * t - before for t in range(layer.kernel_size[0])]
    taps = [[dy, dx] for dy in steps for dx in steps]
    return [([0, 0], taps, [*range(len(taps))])]


def _turned_places(layer: Convolution, _: int) -> list[tuple[list, list, list]]:
    """Return a transposed convolution of side 4, stride 2 and padding 1 as four.

    One for each corner of the 2 x 2 pixels that stand where one stood. The kernel's
    row that an input `dy` rows below meets is corner + 1 - 2 dy.
    """
    side, found = layer.kernel_size[0], []
    for corner in ([0, 0], [0, 1], [1, 0], [1, 1]):
        taps = [[corner[0] - i, corner[1] - j] for i in (0, 1) for j in (0, 1)]
        rows = [[c + 1 - 2 * d for c, d in zip(corner, t, strict=True)] for t in taps]
        found.append((corner, taps, [side * ky + kx for ky, kx in rows]))
    return found
