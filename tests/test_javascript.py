"""JavaScript is code: types, lint and format are checked, and its arithmetic too.

Node runs `tests/js`. What its functions must give is computed here, by colorlab.
"""

import base64
import json
import math
import re
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from book_pages import BOOK, ROOT
from javascript_fixtures import (  # noqa: F401 (the fixtures are used by name)
    fixture_node,
    fixture_tools,
    run,
)
from page_networks import photo, rounded
from PIL import Image
from torch import nn
from torch.nn.functional import conv2d, interpolate

from colorlab import (
    ColorNet,
    annealed_mean,
    bin_centers,
    geometric_median,
    lab_to_rgb,
    load_prior,
    mode,
    nearest_bin,
    rebalance_weights,
    rgb_to_lab,
    smooth_prior,
    soft_encode,
    upsample,
)
from colorlab.classics.descriptors import (
    color_pixels,
    daisy,
    fit_perceptron,
    patches,
)
from colorlab.classics.example import (
    find_matches,
    jittered_places,
    look_of,
    move_statistics,
)
from colorlab.classics.multimodal import coherent, energy
from colorlab.classics.scribbles import neighbor_weights, propagate
from colorlab.colorize import network_size
from colorlab.evaluate.game import share_chips, spread_chips
from colorlab.evaluate.turing import rate_interval
from colorlab.hints import GIVE_UP, blend, likely_colors, sureness
from colorlab.losses import soft_cross_entropy
from colorlab.network import layer_table
from colorlab.weights import load_pretrained
from colorlab.widgets.descriptorlab import PARTS, SETS, DescriptorLab
from colorlab.widgets.front import bundle
from colorlab.widgets.gamut import LEVELS, surface_ab
from colorlab.widgets.receptivefield import network_layers

WIDGETS, WHOLE = "colorlab/widgets", "tests/js/whole.mjs"
COLOR, BINS = f"{WIDGETS}/color.js", f"{WIDGETS}/bins.js"
CONVOLUTION = f"{WIDGETS}/convolution.js"
SURFACE = f"{WIDGETS}/surface.js"
PERCEPTRON = f"{WIDGETS}/perceptron.js"
LAYERS, REPORT = f"{WIDGETS}/layers.js", f"{WIDGETS}/turingreport.js"
SCORE = f"{WIDGETS}/gamescore.js"
MATCHING = f"{WIDGETS}/matching.js"
PHOTO = "book/_photo"
PICTURE = f"{PHOTO}/picture.js"
SOURCES = [*(ROOT / WIDGETS).glob("*.js"), *(BOOK / "_photo").glob("*.js")]
KINDS = {
    torch.float32: "Float32Array",
    torch.float64: "Float64Array",
    torch.uint8: "Uint8Array",
}


# Tools


def test_types(node, tools):
    done = run(node, tools / "tsc")
    assert done.returncode == 0, done.stdout


def test_lint_and_format(tools):
    done = run(tools / "biome", "check", "--error-on-warnings")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_type_is_found(node, tools, tmp_path):
    text = (ROOT / BINS).read_text().replace("return [a, b];", 'return [a, "b"];')
    assert text.count('"b"') == 1
    (tmp_path / "bins.js").write_text(text)
    config = json.loads((ROOT / "tsconfig.json").read_text())
    config["include"] = ["bins.js"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    done = run(node, tools / "tsc", "--project", tmp_path)
    assert "not assignable to type 'number'" in done.stdout


def test_lines_are_short():
    # The formatter leaves long texts and comments alone.
    long = [
        f"{path.name}: {line}"
        for path in [*SOURCES, *(ROOT / "tests/js").iterdir()]
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(line) > 88
    ]
    assert len(SOURCES) > 20
    assert long == []


def test_the_lock_names_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert [name for name, each in lock["packages"].items() if "resolved" in each] == []
    tools = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in tools.values())


# Joining modules


def save(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text)


def test_modules_are_joined_in_scopes_of_their_own(node, tmp_path):
    save(
        tmp_path,
        deep="let calls = 0;\nexport function count() {\n  return ++calls;\n}\n",
        left='import { count } from "./deep.js";\nconst own = 1;\n'
        "export const left = () => own + count();\n",
        right='import { count } from "./deep.js";\nconst own = 10;\n'
        "export const right = () => own + count();\n",
        entry='import { left } from "./left.js";\nimport { right } from "./right.js";\n'
        "// import is a word\nexport default [left(), right(), typeof own];\n",
    )
    (tmp_path / "joined.mjs").write_text(bundle(tmp_path / "entry.js"))
    script = f"import('{(tmp_path / 'joined.mjs').as_uri()}')"
    script += ".then((joined) => console.log(...joined.default))"
    done = run(node, "-e", script)
    assert done.stdout.split() == ["2", "12", "undefined"]  # deep is there once


@pytest.mark.parametrize(
    "line",
    [
        'import all from "./deep.js";',
        'import * as all from "./deep.js";',
        'import "./deep.js";',
        'export { count } from "./deep.js";',
    ],
)
def test_other_imports_are_refused(tmp_path, line):
    save(tmp_path, deep="export const count = 1;\n", entry=f"{line}\n")
    with pytest.raises(ValueError, match="must import and export by name"):
        bundle(tmp_path / "entry.js")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_module_can_be_joined(node, path, tmp_path):
    (tmp_path / "joined.mjs").write_text(bundle(path))
    done = run(node, "--check", tmp_path / "joined.mjs")
    assert done.returncode == 0, done.stderr


# Arithmetic: each function of JavaScript, and what colorlab gives


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def call(run, *args, expected):
    if isinstance(expected, (torch.Tensor, np.ndarray)):
        expected = expected.flatten().tolist()
    return {"run": run, "args": [packed(a) for a in args], "expected": expected}


def packed(value):
    if torch.is_tensor(value):
        return {"kind": KINDS[value.dtype], "values": value.flatten().tolist()}
    return value


def case(name, module, calls, tolerance=0.0):
    return {
        "name": name,
        "module": module,
        "calls": list(calls),
        "tolerance": tolerance,
    }


def lab_colors(number=500):
    """Colors of which many are on no screen, and some are; dark yellow ones, too."""
    lab = torch.rand(number, 3, generator=seeded()) * torch.tensor([100.0, 200, 200])
    lab -= torch.tensor([0.0, 100, 100])
    dark = torch.tensor([[0.0, -10, 100], [8.0, 20, 60], [3.0, -5, 40]])
    return torch.cat([lab, lab * torch.tensor([1, 0.3, 0.3]), dark]).double()


def to_rgb(lab, clip=True):  # (M, 3) -> (M, 3)
    return lab_to_rgb(lab.double()[:, :, None, None], clip=clip)[:, :, 0, 0]


def is_shown(rgb):
    return ((rgb >= -1e-4) & (rgb <= 1 + 1e-4)).all(1)


def color_cases():
    lab, levels = lab_colors(), torch.randint(0, 256, (200, 3), generator=seeded())
    free = to_rgb(lab, clip=False)
    assert free.min() < -0.5  # so that clipping would be seen
    assert free.max() > 1
    shown = is_shown(free)
    assert 100 < shown.sum() < 900  # both answers are tested
    exact = rgb_to_lab(levels[:, :, None, None] / 255.0)[:, :, 0, 0]
    rows = list(zip(lab.tolist(), to_rgb(lab), free, shown, strict=True))
    pixels = torch.cat([255 * to_rgb(lab), torch.zeros(len(lab), 1)], dim=1)
    return [
        case(
            "lab_to_rgb",
            COLOR,
            [call("labToRgb", *c, expected=rgb) for c, rgb, _, _ in rows],
            1e-5,  # constants have seven digits
        ),
        case(
            "lab_to_rgb, not clipped",
            COLOR,
            [call("labToRgb", *c, False, expected=rgb) for c, _, rgb, _ in rows],
            1e-5,
        ),
        case(
            "rgb_to_lab of bytes",
            COLOR,
            [
                call("rgbToLab", *c, expected=lab)
                for c, lab in zip(levels.tolist(), exact, strict=True)
            ],
            1e-3,  # Lab units; colorlab computes in float32 here
        ),
        case(
            "lightness of bytes",
            PICTURE,
            [call("lightnessOf", levels.to(torch.uint8), expected=exact[:, 0])],
            1e-3,
        ),
        case(
            "what a screen shows",
            COLOR,
            [call("isShown", *c, expected=[bool(s)]) for c, _, _, s in rows],
        ),
        case(
            "a row of pixels is painted by lab_to_rgb",
            WHOLE,
            [call("paint", lab[:, 0], lab[:, 1:].float(), expected=pixels)],
            0.6,  # rounding to bytes, of float32 roots
        ),
        case(
            "slices of the gamut", COLOR, [slice_call(L) for L in (0, 7, 50, 98)], 0.51
        ),
    ]


def slice_call(L, n=60, reach=120):
    axis = -reach + (torch.arange(n) + 0.5) * (2 * reach / n)
    b, a = torch.cartesian_prod(axis.flip(0), axis).T  # rows from the largest b
    rgb = to_rgb(torch.stack([torch.full_like(a, L), a, b], dim=1), clip=False)
    shown = is_shown(rgb)
    assert shown.any() == (L > 0)
    rgba = torch.cat([255 * rgb.clamp(0, 1), torch.full((n * n, 1), 255)], dim=1)
    expected = torch.where(shown[:, None], rgba, 0)
    return call("gamutSlice", L, -reach, reach, n, expected=expected)


def gamut_cases():
    ab = surface_ab(LEVELS)
    axis = torch.arange(-120.0, 121, 10)
    grid = torch.cartesian_prod(axis, axis)
    return [
        case("the grid", BINS, [call("gridPoints", [], 0, expected=grid)]),
        case(
            "the rules lead to the bins, in order",
            WHOLE,
            [call("padded", ab, 10, expected=bin_centers())],
        ),
        case("the hull", WHOLE, [call("padded", ab, 0, expected=in_hull(ab, grid))]),
        case("what fences leave so far", WHOLE, fence_calls(ab, grid)),
    ]


def fence_calls(ab, grid):
    """Give the grid points inside the first fences, by matrices in float64."""
    angle = 2 * torch.pi * torch.arange(3600, dtype=torch.float64) / 3600
    u = torch.stack([angle.cos(), angle.sin()])
    calls = []
    for padding in (0, 10):
        fences = (ab.double() @ u).amax(dim=0) + padding * u.abs().sum(dim=0)
        outside = grid.double() @ u > fences  # (points, directions)
        for tried in (0, 450, 1234, 3599):
            left = grid[~outside[:, : tried + 1].any(dim=1)]
            calls.append(call("leftBy", ab, padding, tried, expected=left))
    assert len(left) == len(bin_centers())
    return calls


def solid_cases():
    """Give places in Lab, and turns as matrices."""
    rgb = torch.randint(0, 256, (8, 3), generator=seeded())
    L, a, b = rgb_to_lab(rgb.byte()[:, :, None, None])[:, :, 0, 0].double().T
    places = [
        call("labPlace", color, expected=[x, y, z])
        for color, x, y, z in zip(
            rgb.tolist(), a.tolist(), b.tolist(), L.tolist(), strict=True
        )
    ]
    # The cube is a cube: turned and moved, its corners keep their distances.
    corners = torch.cartesian_prod(*[torch.tensor([0, 255])] * 3)
    side = 130 / 3**0.5
    apart = torch.cdist(corners.double(), corners.double()) * side / 255
    ends = [
        call("cubePlace", color, expected=[0, 0, L])
        for color, L in (([0] * 3, -15), ([255] * 3, 115))
    ]
    views = [
        call("seen", [30, -20, 80], 0, math.pi / 2, expected=[30, -20, 30]),
        call("seen", [30, -20, 80], 0, 0, expected=[30, 30, 20]),
        call("seen", [30, -20, 80], math.pi / 2, 0, expected=[20, 30, -30]),
    ]
    square = [[0, 0, 0], [0, 0, 10], [8, 0, 10], [8, 0, 0]]
    cuts = [
        call("below", square, 20, expected=sum(square, [])),
        call("below", square, -1, expected=[]),
        call("below", square, 4, expected=[0, 0, 0, 0, 0, 4, 8, 0, 4, 8, 0, 0]),
    ]
    return [
        case("places in Lab", SURFACE, places, 1e-3),
        case(
            "a cube stays a cube", WHOLE, [call("cubeDistances", expected=apart)], 1e-9
        ),
        case("black below, white above", SURFACE, ends, 1e-9),
        case("turned and seen", SURFACE, views, 1e-9),
        case("cut at a height", SURFACE, cuts, 1e-9),
    ]


def in_hull(ab, points):
    """Find grid points in the hull by another way: left of each of its edges."""
    angle = 2 * torch.pi * torch.arange(3600, dtype=torch.float64) / 3600
    along = torch.stack([angle.cos(), angle.sin()], dim=1) @ ab.double().T
    tips = ab.double()[along.argmax(1)]
    edge = tips.roll(-1, 0) - tips  # counterclockwise
    toward = points.double()[:, None] - tips
    left = edge[:, 0] * toward[..., 1] - edge[:, 1] * toward[..., 0] >= -1e-9
    return points[left.all(1)]


def encoding_cases():
    centers = bin_centers()
    colors = torch.rand(60, 2, generator=seeded()) * 220 - 110
    nearest = nearest_bin(colors.T[None, :, :, None], centers).flatten()
    near = [
        call("nearestBin", *color, centers, expected=[bin])
        for color, bin in zip(colors.tolist(), nearest.tolist(), strict=True)
    ]
    found = [case("nearest_bin", BINS, near)]
    for sigma in (1.0, 2.5, 5.0, 15.0):
        calls = []
        for k in (1, 2, 5, 10):
            bins, weights = (
                part[0, ..., 0].T
                for part in soft_encode(colors.T[None, :, :, None], centers, k, sigma)
            )
            for color, b, w in zip(colors.tolist(), bins, weights, strict=True):
                # Weights by their bin, as the order of nearly equal ones is open.
                dense = torch.zeros(len(centers)).scatter_(0, b, w)
                args = (*color, centers, k, sigma)
                calls.append(call("encode", *args, expected=dense))
        # Python spends the last bits of a squared distance on something else: some
        # millionths of it, which count most at sigma 1.
        found.append(case(f"soft_encode, sigma {sigma}", WHOLE, calls, 1e-4))
    tie = torch.zeros(len(centers))
    bins, weights = soft_encode(torch.tensor([5.0, 0]).view(1, 2, 1, 1), centers)
    tie[bins.flatten()] = weights.flatten()
    assert sorted(weights.flatten().tolist())[-1] == pytest.approx(0.416, abs=1e-3)
    calls = [call("encode", 5, 0, centers, 5, 5.0, expected=tie)]
    return [*found, case("soft_encode, a tie of two", WHOLE, calls, 1e-4)]


def decoding_cases():
    centers = bin_centers()
    logits = 4 * torch.randn(1, 313, 2, 3, generator=seeded())
    cells = logits[0].flatten(1).T.contiguous()  # (cells, Q)
    means, nats = [], []
    for T in (0.02, 0.38, 1.0):
        expected = annealed_mean(logits, centers, T)[0].flatten(1).T
        means.append(call("annealedMean", cells, centers, T, expected=expected))
        spread = torch.special.entr((cells.double() / T).softmax(1)).sum(1)
        nats.append(call("entropies", cells, 313, T, expected=spread))
    likeliest = mode(logits, centers)[0].flatten(1).T
    nearest = geometric_median(logits, centers)[0].flatten(1).T
    shares = cells.double().softmax(1)
    medians = [
        call("medianColor", p, centers, expected=ab)
        for p, ab in zip(shares, nearest, strict=True)
    ]
    even = torch.zeros(1, 313)
    nats.append(call("entropies", cells, 313, 0, expected=[0.0] * 6))
    nats.append(
        call("entropies", even, 313, 0.38, expected=torch.tensor([313.0]).log())
    )
    ab = 50 * torch.randn(1, 2, 3, 4, generator=seeded())
    whole = upsample(ab, (24, 20))[0].permute(1, 2, 0)
    rows = ab[0].permute(1, 2, 0).contiguous()
    enlarged = [call("upsample", rows, 3, 4, 24, 20, expected=whole)]
    return [
        case("annealed_mean", BINS, means, 1e-3),  # ab units, float32 sums
        case(
            "mode", BINS, [call("annealedMean", cells, centers, 0, expected=likeliest)]
        ),
        case("geometric_median", BINS, medians, 1e-2),  # float32 there, 30 steps
        case("entropy in nats", BINS, nats, 1e-4),  # p is in float32
        case(
            "upsample",
            WHOLE,
            enlarged,
            1e-3,
        ),
        last_layer_case(),
    ]


def last_layer_case():
    features = torch.randint(0, 256, (5, 7), generator=seeded())
    scale = torch.rand(5, generator=seeded(1))
    weights = torch.randn(11, 5, generator=seeded(2))
    bias = torch.randn(11, generator=seeded(3))
    expected = (weights @ (features * scale[:, None]) + bias[:, None]).T
    args = (features.to(torch.uint8), scale, weights, bias)
    calls = [call("lastLayer", *args, expected=expected)]
    return case("the network's last layer", BINS, calls, 1e-2)  # products near 255


def widest_case():
    calls = []
    for seed in range(5):
        logits = 6 * torch.randn(12, 313, generator=seeded(seed))
        p = logits.softmax(dim=1)
        spread = (p @ bin_centers().square() - (p @ bin_centers()).square()).sum(1)
        args, widest = (logits, bin_centers()), spread.argmax().item()
        calls.append(call("widestCell", *args, expected=[widest]))
    return case("the cell that is widest", BINS, calls)


def two_color_cases():
    answers = []
    colors = torch.rand(10, 2, 2, generator=seeded()) * 200 - 100
    shares = torch.rand(10, generator=seeded(1)).tolist()
    for T in (0.01, 0.38, 1.0):
        for pair, share in zip(colors, shares, strict=True):
            odds = torch.tensor([share, 1 - share])
            logits = odds.log().view(1, 2, 1, 1)
            annealed = annealed_mean(logits, pair, T).flatten()
            expected = torch.stack(
                [odds @ pair, annealed, mode(logits, pair).flatten()]
            )
            args = (*pair.tolist(), share, T)
            answers.append(call("answersForTwo", *args, expected=expected))
    certain = [
        call("answersForTwo", [60, 40], [-50, 50], share, 0.38, expected=wanted * 3)
        for share, wanted in ((1, [60, 40]), (0, [-50, 50]))
    ]
    pulled = [
        call("pullToShown", 60, *ab, expected=pull(60, ab))
        for ab in colors[:, 0].tolist()
    ]
    return [
        case("answers for two colors", BINS, answers, 1e-3),  # ab units, float32
        case("a certain pixel has one answer", BINS, certain),
        case("colors are pulled to those of a screen", COLOR, pulled, 1e-2),  # ab units
    ]


def pull(L, ab):
    """Find the largest share of a color that a screen shows, among 100,000."""
    share = torch.linspace(0, 1, 100_001, dtype=torch.float64)[:, None]
    lab = torch.cat([torch.full_like(share, L), share * torch.tensor([ab])], dim=1)
    last = is_shown(to_rgb(lab, clip=False)).nonzero().max()
    return lab[last, 1:]


def prior_cases():
    centers, smoothed, weights, means = bin_centers(), [], [], []
    for seed in range(3):
        n = (12 * torch.rand(313, generator=seeded(seed))).exp().long()
        p = (n * (torch.rand(313, generator=seeded(seed + 9)) > 0.2)).double()
        for sigma in (1, 5, 15):
            expected = smooth_prior(p, centers, sigma)
            args = (p / p.sum(), centers, sigma)
            smoothed.append(call("smoothPrior", *args, expected=expected))
    for sigma in (1, 5, 15):
        tilde = smooth_prior(load_prior(), centers, sigma)
        for lam in (0, 0.01, 0.5, 1):
            w = rebalance_weights(tilde, lam)
            scale = w / w.max()  # some weights are a million times others
            weights.append(call("scaledWeights", tilde, lam, expected=scale))
            means.append(call("expected", w, tilde, expected=[1.0]))
    # Float64 on both sides: only the order of sums of 313 terms differs.
    return [
        case("smooth_prior", BINS, smoothed, 1e-12),
        case("rebalance_weights", WHOLE, weights, 1e-11),
        case("weights have the mean 1", BINS, means, 1e-12),
    ]


def convolutions(dilation):
    """Give the network's convolutions with weights that cancel nowhere."""
    model = ColorNet(1).double()
    for block in (model.conv5, model.conv6):
        for layer in block[:6:2]:
            layer.dilation = layer.padding = (dilation, dilation)
    layers = [module for module in model.modules() if hasattr(module, "kernel_size")]
    for layer in layers:
        nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    return layers


def read_rows(layers, side, row):
    """Rows of a map that one output in this row and column depends on."""
    shape = (1, layers[0].in_channels, side, side)
    given = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    output = nn.Sequential(*layers)(given)[0, 0]
    (slope,) = torch.autograd.grad(output[row, row], given)
    return (slope[0, 0] != 0).any(dim=1).nonzero().flatten().tolist()


def field_cases():
    names, size = [row.name for row in layer_table(ColorNet(1))], 480
    first, larger = names.index("conv5_1"), names.index("conv8_1")
    fields, cells = [], []
    for dilation in (1, 2):
        layers, modules = network_layers(dilation), convolutions(dilation)
        for m, layer in enumerate(layers):  # room for 349 pixels
            row = size // 2 // layer["cell"]
            rows = read_rows(modules[: m + 1], size, row)
            assert rows[-1] - rows[0] + 1 == layer["field"]
            fields.append(call("traceRows", layers, 0, m, row, expected=rows))
        pairs = [(m, m) for m in range(2, len(layers))]
        pairs += [(first, m) for m in range(first, len(layers))]
        for start, end in pairs:
            row = 62 if start <= larger <= end else 31  # its output is twice as large
            rows = read_rows(modules[start : end + 1], 64, row)
            cells.append(call("traceRows", layers, start, end, row, expected=rows))
    since = {
        ("layer", "conv6_2"): "conv6_2",
        ("block", "conv6_2"): "conv6_1",
        ("block", "output"): "output",
        ("conv5", "conv6_2"): "conv5_1",
        ("conv5", "conv4_3"): "conv4_3",
    }
    layers = network_layers()
    starts = [
        call("firstLayer", layers, names.index(m), kind, expected=[names.index(wanted)])
        for (kind, m), wanted in since.items()
    ]
    return [
        case("receptive fields are those of the gradient", LAYERS, fields),
        case("cells of a map are those of the gradient", LAYERS, cells),
        case("where counting starts", LAYERS, starts),
    ]


def convolution_cases():
    """Give conv2d's answers for each stride, dilation and padding of the figure."""
    side, whole, sides, real = 11, [], [], []
    photo = torch.randint(-50, 51, (side, side), generator=seeded()).double()
    kernel = torch.randint(-5, 6, (3, 3), generator=seeded(1)).double()
    weights = torch.randn(3, 3, generator=seeded(2), dtype=torch.float64)
    for stride, dilation, padding in product((1, 2, 3), (1, 2, 3), (0, 1, 2, 3)):
        steps = {"stride": stride, "dilation": dilation, "padding": padding}
        for calls, weight, bias in ((whole, kernel, 7), (real, weights, 0.3)):
            told = torch.tensor([bias], dtype=torch.float64)
            expected = conv2d(photo[None, None], weight[None, None], told, **steps)
            args = (photo, side, weight, bias, steps)
            calls.append(call("convolve", *args, expected=expected))
        sides.append(call("outputSide", side, steps, expected=[expected.shape[-1]]))
    steps = {"stride": 2, "dilation": 2, "padding": 1}  # middles at 1, 3, 5, 7, 9
    around = {(5, 0): (2, 0), (0, 10): (0, 4), (-3, 6.9): (0, 3)}
    cells = [
        call("cellAround", side, steps, pixel, expected=cell)
        for pixel, cell in around.items()
    ]
    wide = {"stride": 1, "dilation": 3, "padding": 0}
    sides.append(call("outputSide", 4, wide, expected=[0]))  # no room for a window
    return [
        case("conv2d of whole numbers, exactly", CONVOLUTION, whole),
        case("conv2d", CONVOLUTION, real, 1e-12),
        case("sides of a map", CONVOLUTION, sides),
        case("the output around a pixel", CONVOLUTION, cells),
    ]


def picture_cases():
    sides = [
        (640, 427, 128),
        (100, 100, 100),
        (1, 1, 128),
        (1200, 40, 64),
        (97, 300, 256),
    ]
    sizes = [call("networkSize", *s, expected=list(network_size(*s))) for s in sides]
    pixels = torch.randint(0, 256, (30, 41, 3), generator=seeded()).to(torch.uint8)
    image = Image.fromarray(pixels.numpy())
    resized = []
    for height, width in ((8, 16), (16, 8), (48, 64)):
        small = image.resize((width, height), Image.Resampling.BILINEAR)
        args = (pixels, 30, 41, height, width)
        expected = list(small.tobytes())
        resized.append(call("resize", *args, expected=expected))
    small = pixels[:8, :16].contiguous()
    ab = rgb_to_lab(small.permute(2, 0, 1)[None])[0, 1:]
    truth = ab[:, 4:8, 12:16].mean(dim=(1, 2))
    cell = call("meanChroma", small, 16, 4, 3, 1, expected=truth)
    colored = []
    prints = ("black-canyon", "locomotion-house-cat", "french-alpine-landscape")
    names = [f"historic/{name}" for name in prints] + ["spaniels-at-window", "dahlia"]
    for name in names:
        image = Image.open(ROOT / f"data/photos/{name}.jpg").convert("RGB")
        seen = np.array(image.resize((128, 96), Image.Resampling.BILINEAR))
        own = not name.startswith("historic")
        colored.append(call("isColored", torch.from_numpy(seen), expected=[own]))
    return [
        case("a toned print is not colored, a dull photo is", PICTURE, colored),
        case("network_size", PICTURE, sizes),
        case("Pillow's bilinear resize, to the bit", WHOLE, resized),
        case("the true color of a cell", PICTURE, [cell], 1e-3),
    ]


def network_cases():
    kernel = base64.b64encode((BOOK / "_photo/kernel.wasm").read_bytes()).decode()
    cases = []
    for name, fine_below in photo.NETWORKS.items():
        model = rounded(load_pretrained(name), fine_below)
        calls = []
        for height, width in ((24, 40), (64, 32)):  # also no multiples of 32
            L = 100 * torch.rand(1, 1, height, width, generator=seeded())
            with torch.inference_mode():
                logits = model(L)[0].flatten(1).T
            args = (kernel, photo.program(name), L, height, width)
            calls.append(call("run", *args, expected=logits))
        cases.append(case(f"the network {name}", WHOLE, calls, 1e-3))  # up to 30
    maps = torch.randn(1, 3, 4, 5, generator=seeded())
    larger = interpolate(maps, scale_factor=2, mode="bilinear")
    calls = [call("doubled", maps, 3, 4, 5, expected=larger)]
    return [*cases, case("maps are doubled bilinearly", WHOLE, calls, 1e-6)]


def stroke_of(rng, size):
    """Give points (x, y) in 0..1, a radius, and which pixels they cover."""
    points, radius = rng.uniform(-0.05, 1.05, (3, 2)), rng.uniform(1, 4)
    height, width = size
    y, x = np.indices(size) + 0.5
    covered = np.zeros(size, bool)
    for t in np.linspace(0, 1, 3000):
        for start, end in pairwise(points):
            u, v = ((1 - t) * start + t * end) * [width, height]
            covered |= np.hypot(x - u, y - v) <= radius
    return points.tolist(), radius, covered


def scribble_cases():
    """Random strokes on noise and on photos, weak and strong stops."""
    rng = np.random.default_rng(0)
    grays = [rng.uniform(0, 1, (23, 31)), np.full((9, 1), 0.5), np.full((20, 20), 0.2)]
    for name in ("fig-in-bowl", "autumn-ridge"):
        image = Image.open(ROOT / f"data/photos/{name}.jpg").resize((72, 48))
        grays.append(np.asarray(image.convert("L")) / 255)
    weights, spread = [], []
    for gray in grays:
        for scale, stop in ((0.6, 0), (0.6, 8), (2, 3), (0.3, 0), (20, 0)):
            shown = torch.from_numpy(gray), gray.shape[1]
            expected = neighbor_weights(gray, scale, stop).reshape(8, -1).T.ravel()
            args = (*shown, scale, stop)
            weights.append(call("neighborWeights", *args, expected=list(expected)))
            channel = rng.uniform(-100, 100, gray.shape)
            first, last = (rng.uniform(0, 1, gray.shape) < 0.02 for _ in range(2))
            first[0, 0] = True
            args = (channel, first.astype(np.uint8), last.astype(np.uint8))
            expected = propagate(gray, channel[None], first | last, scale, stop)
            args = (*shown, *map(torch.from_numpy, args), scale, stop)
            spread.append(call("spread", *args, expected=expected.ravel().tolist()))
    return [
        case("neighbor_weights", f"{WIDGETS}/flow.js", weights, 1e-9),
        case("propagate, to a tenth of a byte", WHOLE, spread, 0.02),  # Lab units
        *stroke_cases(rng),
    ]


def stroke_cases(rng):
    covered, size = [], (20, 30)
    truth = rng.uniform(-50, 50, (*size, 2)).astype(np.float32)
    strokes, labels, colors = [], np.zeros(size, int), []
    for color in ([10, 20], None, [10, 20], None):
        points, radius, mask = stroke_of(rng, size)
        expected = mask.ravel().astype(int).tolist()
        covered.append(call("covered", points, radius, 30, 20, expected=expected))
        strokes.append({"color": color, "points": points, "radius": radius})
        color = color or truth[mask].mean(axis=0).tolist()
        colors += [] if color in colors else [color]
        labels[mask] = 1 + colors.index(color)
    args = (strokes, 30, 20, torch.from_numpy(truth))
    expected = [*labels.ravel().tolist(), *np.ravel(colors).tolist()]
    return [
        case("pixels under a stroke", WHOLE, covered),
        case("strokes", WHOLE, [call("painted", *args, expected=expected)], 1e-4),
    ]


def descriptor_cases():
    gray = torch.rand(20, 28, generator=seeded(), dtype=torch.float64)
    args = (gray, 20, 28)
    patch, histograms = (torch.from_numpy(f(gray.numpy())) for f in (patches, daisy))
    maps = torch.randn(5, 2, 3, generator=seeded(1))
    large = upsample(maps[None], (20, 28))[0]
    features = torch.cat([patch, 100 * histograms, large])
    rows = features.flatten(1).T.numpy()
    network = fit_perceptron(rows, 30 * rows[:, :2], steps=20)
    ab = torch.from_numpy(color_pixels(network, features.numpy()))
    arrays = [p.detach() for p in network.parameters()]
    layers = [
        {"weight": w.flatten().tolist(), "bias": b.tolist()}
        for w, b in zip(arrays[::2], arrays[1::2], strict=True)
    ]
    answer = call(
        *("colorPixels", layers, features.float(), 560),
        expected=ab.flatten(1).T,
    )
    bigger = call("enlarge", maps, 2, 3, 20, 28, expected=large)
    return [
        case("patches", PERCEPTRON, [call("patchesOf", *args, expected=patch)], 1e-6),
        case("daisy", PERCEPTRON, [call("daisyOf", *args, expected=histograms)], 1e-6),
        case("upsample for any number of maps", PERCEPTRON, [bigger], 1e-5),
        case("color_pixels", PERCEPTRON, [answer], 1e-3),  # ab units, float32
        *layers_cases(),
    ]


def layers_cases():
    """Unpack what the figure sends, as the page does."""
    networks = {
        name: nn.Sequential(nn.Linear(3 + n, 2), nn.ReLU(), nn.Linear(2, 2))
        for n, name in enumerate(SETS)
    }
    photo = ("gray", torch.full((3, 8, 8), 50.0), torch.ones(2, 1, 1))
    figure = DescriptorLab(networks, [photo])
    sent = torch.frombuffer(bytearray(figure.weights), dtype=torch.int16)
    first = figure.networks[0]
    expected = [p.detach() for p in networks[PARTS[0]].parameters()]
    widths, scales = first["widths"], first["scales"]
    count = sum(p.numel() for p in expected)
    wanted = torch.cat([p.flatten() for p in expected])
    args = (widths, scales, sent[:count].tolist())
    return [case("layers", WHOLE, [call("layerNumbers", *args, expected=wanted)], 1e-4)]


def hint_cases():
    """Dots on a noisy picture with an edge, which the weights have to see."""
    (height, width), cells = (24, 40), (6, 10)
    gray = 0.3 + 0.05 * torch.rand(height, width, generator=seeded()).double()
    gray[:, 15:] += 0.4
    ab = 40 * torch.randn(1, 2, *cells, generator=seeded(1))
    logits = 3 * torch.randn(1, 313, *cells, generator=seeded(2))
    sure = sureness(logits)
    places = [[3, 4], [3, 5], [20, 33], [0, 39]]  # two that overlap, one at the rim
    colors = [[60.0, 20], [10, -40], [-50, 40], [0, 0]]
    seen = (
        gray.numpy(),
        upsample(ab, gray.shape)[0].double().numpy(),
        upsample(sure.expand(-1, 2, -1, -1), gray.shape)[0, 0].double().numpy(),
        np.array([[*p, *c] for p, c in zip(places, colors, strict=True)]),
    )
    many = [GIVE_UP, 0, 1e-3, 1, GIVE_UP]
    wanted = np.stack([blend(*seen, give_up) for give_up in many])
    dots = [
        {"x": (x + 0.3) / width, "y": (y + 0.9) / height, "a": a, "b": b}
        for (y, x), (a, b) in zip(places, colors, strict=True)
    ]
    rows = logits[0].flatten(1).T.contiguous()
    sides = (height, width, sure[0, 0], *cells)
    pairs = ab[0].permute(1, 2, 0).contiguous()
    expected = torch.from_numpy(wanted).permute(0, 2, 3, 1)
    args = 100 * gray, *sides, pairs, dots, many
    blended = call("blendHints", *args, expected=expected)
    offers = []
    for cell in range(5):
        found = likely_colors(rows[cell].softmax(0), bin_centers())
        expected = torch.cat([found[0], found[1][:, None]], dim=1)
        offers.append(call("offers", rows, cell, bin_centers(), expected=expected))
    spread = call("sureness", rows, 313, expected=sure)
    return [
        case("dots are blended with the network", WHOLE, [blended], 0.05),  # ab units
        case("how sure the network is", f"{PHOTO}/blend.js", [spread], 1e-5),
        case("likely colors", WHOLE, offers, 1e-3),
    ]


def turing_case():
    counts = [(0, 10), (10, 10), (1, 2), (9, 32), (13, 40), (640, 2000)]
    calls = [call("rateInterval", *c, expected=list(rate_interval(*c))) for c in counts]
    return case("rate_interval", REPORT, calls, 1e-12)  # of doubles


def matching_cases():
    gray, other = (
        torch.rand(*s, generator=seeded()).double() for s in ((9, 7), (8, 10))
    )
    places = jittered_places(8, 10, 40, np.random.default_rng(0))
    pixels = (places[:, 0] * 10 + places[:, 1]).tolist()
    looks = [
        call("look", gray.flatten(), 7, side, expected=look_of(gray.numpy(), side))
        for side in (3, 5, 9)  # nine: the whole picture is mirrored
    ]
    flat = torch.full((6,), 0.3).double()
    moved = [
        call(
            "moveStatistics",
            source.flatten(),
            gray.flatten(),
            expected=move_statistics(source.numpy(), gray.numpy()),
        )
        for source in (other, flat)
    ]
    matches = []
    for k in (1, 5, 40):
        found = find_matches(gray.numpy(), other.numpy(), places, k)
        best = np.array(pixels)[found].reshape(k, -1).T  # (pixels, k)
        args = (gray.flatten(), 7, other.flatten(), 10, pixels, k)
        matches.append(call("matches", *args, expected=best))
    return [
        case("look_of", WHOLE, looks, 1e-7),  # the root of a rounded difference
        case("move_statistics", MATCHING, moved, 1e-12),
        case("find_matches", WHOLE, matches),
    ]


def cut_cases():
    """Give choices by SciPy's flow, and cuts by trying all."""
    choices = []
    for seed, (Q, height, width) in enumerate([(3, 4, 5), (9, 6, 6), (40, 8, 11)]):
        p = (2 * torch.randn(Q, height, width, generator=seeded(seed)).double()).exp()
        p, centers = p / p.sum(dim=0), 60 * torch.rand(Q, 2, generator=seeded(seed))
        logits, places = p.log().numpy(), centers.double().numpy()
        for smoothness in (0, 0.02, 0.1):
            chosen = coherent(logits, places, smoothness)
            cost = energy(chosen, logits, places, smoothness)
            args = (p.flatten(1).T.flatten(), centers.double().flatten(), width)
            expected = [*chosen.ravel().tolist(), cost]
            choices.append(call("choose", *args, smoothness, expected=expected))
    assert len(np.unique(chosen)) > 2
    cuts = [cut_call(seed) for seed in range(6)]
    return [
        case("coherent", WHOLE, choices, 1e-9),
        case("minimum cuts", WHOLE, cuts),
    ]


def cut_call(seed, height=3, width=3):
    """Of all sets of cells that stay with the source, the smallest of the cheapest."""
    rng = np.random.default_rng(seed)
    source, sink = rng.integers(0, 9, (2, height * width)) * (rng.random(9) < 0.6)
    right, down = rng.integers(0, 9, (2, height, width))
    right[:, -1] = down[-1] = 0
    best, cheapest = None, math.inf
    for kept in product([0, 1], repeat=height * width):  # the smallest sets first
        side = np.array(kept).reshape(height, width)
        cost = (source * (1 - side.ravel())).sum() + (sink * side.ravel()).sum()
        cost += (right[:, :-1] * side[:, :-1] * (1 - side[:, 1:])).sum()
        cost += (down[:-1] * side[:-1] * (1 - side[1:])).sum()
        if cost < cheapest or (cost == cheapest and side.sum() < best.sum()):
            best, cheapest = side, cost
    args = [each.ravel().tolist() for each in (source, sink, right, down)]
    return call("reached", *args, width, expected=best)


def game_cases():
    centers = bin_centers()
    prior = smooth_prior(load_prior(), centers)
    shared, spread, lost, floors = [], [], [], []
    for seed, scale in enumerate((0, 1, 3, 8)):  # from all alike to nearly sure
        p = (scale * torch.randn(313, generator=seeded(seed))).softmax(0)
        chips = share_chips(p)
        bins = torch.arange(313).repeat_interleave(chips)
        shared.append(call("shareChips", p, 10, expected=bins))
        q = spread_chips(chips, prior, centers)
        args = (chips.double(), prior, centers, 5, 0.2)
        spread.append(call("spreadChips", *args, expected=q))
        ab = 200 * torch.rand(2, generator=seeded(seed)) - 100
        bins, weights = soft_encode(ab.view(1, 2, 1, 1), centers)
        nats = soft_cross_entropy(q.log().view(1, -1, 1, 1), bins, weights)
        args = (*ab.tolist(), centers, 5, 5)
        lost.append(call("crossEntropy", q, *args, expected=[nats.item()]))
        floor = torch.special.entr(weights).sum()
        floors.append(call("leastLoss", *args, expected=[floor.item()]))
    none = (torch.zeros(313).double(), prior, centers, 5, 0.2)
    spread.append(call("spreadChips", *none, expected=prior))
    return [
        case("share_chips", SCORE, shared),
        case("spread_chips", SCORE, spread, 1e-9),
        case("soft_cross_entropy of chips", SCORE, lost, 1e-4),  # nats
        case("the floor of the loss", SCORE, floors, 1e-4),
    ]


@pytest.fixture(scope="module")
def twins():
    return [
        *color_cases(),
        *gamut_cases(),
        *solid_cases(),
        *encoding_cases(),
        *decoding_cases(),
        *two_color_cases(),
        widest_case(),
        *prior_cases(),
        *field_cases(),
        *convolution_cases(),
        *picture_cases(),
        *network_cases(),
        *scribble_cases(),
        *matching_cases(),
        *cut_cases(),
        *descriptor_cases(),
        *hint_cases(),
        turing_case(),
        *game_cases(),
    ]


def run_tests(node, twins, folder):
    path = folder / "twins.json"
    path.write_text(json.dumps(twins))
    files = sorted((ROOT / "tests/js").glob("*.test.mjs"))
    options = ("--test", "--test-reporter=tap")
    return run(node, *options, *files, COLORLAB_TWINS=str(path))


def test_arithmetic_is_colorlabs(node, twins, tmp_path):
    done = run_tests(node, twins, tmp_path)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"^# pass (\d+)", done.stdout, re.M)[1]) > len(twins)


def test_another_answer_is_noticed(node, twins, tmp_path):
    (name,) = [each for each in twins if each["name"] == "annealed_mean"]
    wrong = json.loads(json.dumps(name))
    wrong["calls"][0]["expected"][3] += 0.01
    others = [each for each in twins if each is not name]
    done = run_tests(node, [*others, wrong], tmp_path)
    assert done.returncode == 1
    assert re.findall(r"not ok \d+ - (.*)", done.stdout)[0] == "annealed_mean"
