"""What holds for every input: hypothesis looks for one for which it does not."""

import json
import math
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.spatial import ConvexHull

from colorlab import _tiles, lab, quantize
from colorlab import colorize as arrow
from colorlab.classics.scribbles import neighbor_weights, solve
from colorlab.cli.hintfile import FORMAT, MOST_AB, read_hints
from colorlab.datasets.formats import printable
from colorlab.datasets.index import read_index
from colorlab.datasets.sources import data_and_size
from colorlab.decode import annealed_mean, geometric_median, mode, upsample
from colorlab.files import whole_file, write_json
from colorlab.hints import blend, likely_colors, sureness
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.prior import load_prior, rebalance_weights, smooth_prior
from colorlab.quantize import N_BINS, bin_centers, nearest_bin, soft_encode
from colorlab.weights import check_card

# The same examples at each run; no time limit for one, as other programs run, too.
seeded = settings(
    derandomize=True,
    deadline=None,
    max_examples=30,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
sides = st.integers(1, 9)
shapes = st.tuples(sides, sides)
CENTERS = bin_centers().double()
HULL = ConvexHull(CENTERS.numpy()).equations  # rows of a half-plane: n . x + d <= 0


def floats(shape, low, high):
    return arrays(np.float64, shape, elements=st.floats(low, high, width=64))


@st.composite
def images(draw, channels, low, high):
    shape = draw(shapes)
    return torch.from_numpy(draw(floats((1, channels, *shape), low, high)))


def outside_hull(ab, equations=HULL):
    """How far outside a convex hull the farthest color is, in ab units."""
    points = ab.double().movedim(1, -1).reshape(-1, 2).numpy()
    return (points @ equations[:, :2].T + equations[:, 2]).max()


# Color


@seeded
@given(arrays(np.uint8, st.tuples(st.just(3), sides, sides)))
def test_every_8_bit_image_comes_back_from_lab(pixels):
    rgb = torch.from_numpy(pixels)
    found = rgb_to_lab(rgb)
    assert 0 <= found[0].min()
    assert found[0].max() <= 100.001
    assert torch.equal((lab_to_rgb(found) * 255).round().byte(), rgb)


@seeded
@given(images(3, -0.5, 1.5))
def test_colors_outside_the_gamut_come_back_too(rgb):
    # The curves' feet and powers meet to 1e-4, which is lost where a color lies there.
    back = lab_to_rgb(rgb_to_lab(rgb), clip=False)
    assert (back - rgb).abs().max() < 1e-3


@seeded
@given(images(3, 0, 1))
def test_what_is_clipped_is_in_the_gamut(part):
    made = part * torch.tensor([100.0, 260, 260]).view(3, 1, 1)
    made -= torch.tensor([0.0, 130, 130]).view(3, 1, 1)
    rgb = lab_to_rgb(made)
    assert 0 <= rgb.min() <= rgb.max() <= 1
    inside = lab_to_rgb(made, clip=False)
    held = ((inside >= 0) & (inside <= 1)).all(dim=1, keepdim=True)
    assert ((rgb - inside).abs() * held).max() < 1e-9


# Bins


@seeded
@given(images(2, -1000, 1000), st.integers(1, 12), st.floats(0.5, 50))
def test_soft_encoding_is_a_distribution_over_the_nearest_bins(ab, k, sigma):
    bins, weights = soft_encode(ab, CENTERS, k, sigma)
    assert (weights.sum(dim=1) - 1).abs().max() < 1e-9
    assert weights.min() >= 0
    ordered = bins.sort(dim=1).values
    assert (ordered.diff(dim=1) > 0).all()  # k different ones
    colors = ab.movedim(1, -1).reshape(-1, 2)
    distance = torch.cdist(colors, CENTERS, compute_mode="donot_use_mm_for_euclid_dist")
    chosen = bins.movedim(1, -1).reshape(-1, k)
    nearest = distance.sort(dim=1).values[:, :k]
    assert (distance.gather(1, chosen) - nearest).abs().max() < 1e-6
    dense = quantize.to_dense(bins, weights, len(CENTERS))
    assert ((dense > 0).sum(dim=1) <= k).all()
    alone = distance.gather(1, nearest_bin(ab, CENTERS).view(-1, 1))
    assert (alone - nearest[:, :1]).abs().max() < 1e-6


@seeded
@given(images(2, -110, 110))
def test_soft_encoding_by_default_has_five_bins_and_stays_near(ab):
    bins, weights = soft_encode(ab, CENTERS)
    assert bins.shape[1] == 5
    mean = (CENTERS[bins].movedim(-1, 1) * weights[:, None]).sum(dim=2)
    assert outside_hull(mean) < 1e-9


# Decoding


@st.composite
def logits(draw, most=1e4):
    """Any numbers, most of them equal to others, some of them large."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    levels = torch.from_numpy(draw(floats(8, -most, most)))
    seed = draw(st.integers(0, 2**32))
    which = torch.randint(8, (1, N_BINS, *shape), generator=torch.manual_seed(seed))
    return levels[which]


@seeded
@given(logits(), st.floats(1e-3, 1e3))
def test_decoded_colors_lie_inside_the_hull_of_the_centers(numbers, T):
    for ab in (annealed_mean(numbers, CENTERS, T), mode(numbers, CENTERS)):
        assert outside_hull(ab) < 1e-6
    assert outside_hull(geometric_median(numbers, CENTERS)) < 1e-4


@seeded
@given(logits(most=20), st.integers(0, N_BINS - 1))
def test_annealed_mean_goes_from_the_mode_to_the_middle(numbers, best):
    numbers[:, best] = numbers.max() + 1  # one bin is the likeliest
    assert torch.equal(mode(numbers, CENTERS)[0, :, 0, 0], CENTERS[best])
    cold = annealed_mean(numbers, CENTERS, 1e-3)
    assert (cold[0, :, 0, 0] - CENTERS[best]).abs().max() < 1e-6
    mean = torch.einsum("nqhw,qc->nchw", numbers.softmax(1), CENTERS)
    assert (annealed_mean(numbers, CENTERS, 1) - mean).abs().max() < 1e-6
    hot = annealed_mean(numbers, CENTERS, 1e9)
    assert (hot[0, :, 0, 0] - CENTERS.mean(dim=0)).abs().max() < 1e-4


@seeded
@given(logits(), st.floats(-1e3, 1e3), st.floats(0.05, 5))
def test_a_constant_on_all_logits_changes_no_color(numbers, constant, T):
    moved = annealed_mean(numbers + constant, CENTERS, T)
    assert (moved - annealed_mean(numbers, CENTERS, T)).abs().max() < 1e-3


@seeded
@given(logits(most=50))
def test_sureness_and_offers_are_shares(numbers):
    sure = sureness(numbers)
    assert -1e-5 < sure.min() <= sure.max() < 1 + 1e-5
    p = numbers[0, :, 0, 0].softmax(0)
    colors, shares = likely_colors(p, CENTERS)
    assert shares.sum() < 1 + 1e-9
    assert (shares.diff() <= 0).all()
    assert outside_hull(colors.T[None, :, None]) < 1e-6
    assert ((colors - CENTERS[p.argmax()]).norm(dim=1) <= 25).any()


@seeded
@given(floats(N_BINS, 0, 1e6), st.floats(0.01, 1))
def test_rebalancing_weights_have_the_mean_1(counts, lam):
    assume(counts.sum() > 1)
    p = torch.from_numpy(counts / counts.sum())
    smooth = smooth_prior(p, CENTERS)
    assert (smooth.sum() - 1).abs() < 1e-9
    assert smooth.min() >= 0
    w = rebalance_weights(p, lam)
    assert ((w * p).sum() - 1).abs() < 1e-9
    assert w.min() > 0


# A person's dots


@st.composite
def painted(draw):
    """A gray image, some pixels that are known, and colors for all."""
    shape = draw(shapes.filter(lambda shape: math.prod(shape) > 1))
    gray = draw(floats(shape, 0, 1))
    places = st.tuples(st.integers(0, shape[0] - 1), st.integers(0, shape[1] - 1))
    known = draw(st.lists(places, min_size=1, max_size=4))
    return gray, known, draw(floats((2, *shape), -90, 90))


@seeded
@given(painted())
def test_spread_colors_stay_between_those_that_are_known(found):
    gray, known, colors = found
    mask = np.zeros(gray.shape, dtype=bool)
    mask[tuple(zip(*known, strict=True))] = True
    spread = solve(neighbor_weights(gray), colors, mask)
    assert np.array_equal(spread[:, mask], colors[:, mask])
    for channel, given_there in zip(spread, colors[:, mask], strict=True):
        assert given_there.min() - 1e-6 <= channel.min()
        assert channel.max() <= given_there.max() + 1e-6
    twice = solve(neighbor_weights(gray), 2 * colors, mask)
    assert np.allclose(twice, 2 * spread, atol=1e-6)


@seeded
@given(painted(), st.floats(0, 1), st.floats(0, 1))
def test_dots_keep_their_color_whatever_the_network_says(found, sure, give_up):
    gray, known, ab = found
    dots = np.array([[*known[0], 30.0, -20.0]])
    result = blend(gray, ab, np.full(gray.shape, sure), dots, give_up)
    assert np.allclose(result[:, known[0][0], known[0][1]], [30, -20], atol=1e-6)
    # What is added is at most what dot and network differ by.
    most = np.abs(np.array([30, -20])[:, None, None] - ab).max() + np.ptp(ab)
    assert np.abs(result - ab).max() <= most + 1e-6


# Parts and the whole


@seeded
@given(st.integers(0, 9), st.integers(0, 40), st.integers(1, 50), st.integers(1, 4))
def test_tiles_cover_each_pixel_once(count, pixels, most, threads):
    seen = torch.zeros(count, pixels, dtype=torch.int64)

    def work(which, part):
        seen[which, part] += 1
        return seen[which, part].numel()

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        sizes = _tiles.each_tile(work, count, pixels, most)
    finally:
        torch.set_num_threads(before)
    assert (seen == 1).all()
    assert max(sizes, default=0) <= max(most, 0)


@seeded
@given(arrays(np.uint8, st.tuples(sides, sides, st.sampled_from([3, 4]))), st.data())
def test_bands_join_to_the_same_as_the_whole(pixels, data):
    cells = data.draw(floats((1, 2, *data.draw(shapes)), -90, 90))
    ab = torch.from_numpy(cells).float()
    rgb = torch.from_numpy(pixels[..., :3]).permute(2, 0, 1)
    full = upsample(ab, rgb.shape[1:])[0]
    wanted = lab_to_rgb(torch.cat([rgb_to_lab(rgb)[:1], full])) * 255
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow, "BAND", data.draw(st.integers(1, 40)))
        image = Image.fromarray(pixels)
        arrow._join(image, ab)
    joined = np.asarray(image)
    # Half a step by rounding, and some more as sums differ in the last digit.
    error = joined[..., :3] - wanted.permute(1, 2, 0).numpy()
    assert np.abs(error).max() < 0.52
    assert np.array_equal(joined[..., 3:], pixels[..., 3:])


@seeded
@given(images(3, 0, 1), st.integers(1, 30))
def test_lab_in_tiles_of_any_size_is_that_of_the_whole(rgb, tile):
    whole = rgb_to_lab(rgb.clone().requires_grad_()).detach()  # gradients: no tiles
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "TILE", tile)
        assert (rgb_to_lab(rgb) - whole).abs().max() < 1e-9


@seeded
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 2048))
def test_what_the_network_sees_fits_it_and_is_bounded(height, width, size):
    seen = arrow.network_size(height, width, size)
    assert all(side % 8 == 0 and side >= 8 for side in seen)
    assert abs(min(seen) - size) <= 8
    assert max(seen) <= arrow.LONGEST * size + 8
    if max(height, width) < 4 * min(height, width) and size >= 64:
        assert abs(seen[0] / seen[1] / (height / width) - 1) < 0.15


# Files: what is written comes back, what comes from strangers is read or refused

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([0, 1, 2**31, 2**63, 10**400, -1])
    | st.floats()
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def folder_of(content):
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name, "a.json")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder, path


def attempt(read, *given):
    """Return what a reader gives, and the ValueError that it raises instead."""
    try:
        return read(*given), None
    except ValueError as error:
        return None, error


def read_or_refuse(read, content, start):
    """Return what a reader gives; None for a ValueError that names the file."""
    folder, path = folder_of(content)
    with folder:
        found, error = attempt(read, path)
    if error is not None:
        assert type(error) is ValueError, repr(error)
        assert start in str(error)
        assert str(path) in str(error)
    return found


numbers = st.integers(-(10**400), 10**400) | st.floats() | st.integers(0, 30)
dots = st.fixed_dictionaries(
    {"x": numbers | anything, "y": numbers},
    optional={
        "ab": st.lists(numbers, min_size=2, max_size=2) | anything,
        "color": st.sampled_from(["#ff0000", "#12345g", "red"]) | anything,
    },
)
hint_files = st.fixed_dictionaries(
    {
        "format": st.just(FORMAT),
        "size": st.just([40, 20]) | st.lists(numbers, max_size=3) | anything,
        "units": st.sampled_from(["relative", "pixels"]) | anything,
        "dots": st.lists(dots, max_size=2) | anything,
    },
    optional={"T": numbers, "seen": numbers, "model": anything},
)


@settings(seeded, max_examples=120)
@given(hint_files | anything)
def test_any_hints_are_read_or_refused(content):
    hints = read_or_refuse(read_hints, json.dumps(content), "")
    for y, x, a, b in hints.dots if hints else ():
        assert 0 <= y <= 1
        assert 0 <= x <= 1
        assert max(abs(a), abs(b)) <= MOST_AB


@seeded
@given(
    st.lists(
        st.tuples(st.integers(0, 39), st.integers(0, 19), *[st.floats(-128, 128)] * 2),
        max_size=5,
    )
)
def test_hints_that_hold_are_read_as_they_are(places):
    entries = [{"x": x, "y": y, "ab": [a, b]} for x, y, a, b in places]
    content = {"format": FORMAT, "size": [40, 20], "units": "pixels", "dots": entries}
    hints = read_or_refuse(read_hints, json.dumps(content), "")
    assert [(math.floor(x * 40), math.floor(y * 20)) for y, x, *_ in hints.dots] == [
        place[:2] for place in places
    ]
    assert [dot[2:] for dot in hints.dots] == [place[2:] for place in places]


counts = st.integers(-5, 10**6) | st.integers(-(10**400), 10**400)


@seeded
@given(st.lists(counts, min_size=1, max_size=4), st.binary(max_size=4))
def test_any_table_of_counts_is_a_prior_or_refused(some, added):
    table = b"a,b,count\n"
    for q, (a, b) in enumerate(bin_centers().long().tolist()):
        table += f"{a},{b},{some[q % len(some)]}\n".encode()
    for content in (table, table + added):
        p = read_or_refuse(load_prior, content, "name must be a table of a,b,count")
        if p is not None:
            assert (p.sum() - 1).abs() < 1e-9
            assert p.min() >= 0


shards = st.lists(
    st.fixed_dictionaries(
        {
            "file": st.sampled_from(["a.tar", "../a", "/a", ""]) | anything,
            "sha256": st.just("0" * 64) | anything,
            "photos": st.lists(st.lists(numbers, max_size=3), max_size=2) | anything,
        },
        optional={"split": anything},
    )
    | anything,
    max_size=2,
)


@seeded
@given(st.fixed_dictionaries({"shards": shards | anything}) | anything)
def test_any_index_is_read_or_refused(content):
    folder, path = folder_of(json.dumps(content))
    with folder:
        found, error = attempt(read_index, path)
    assert error is None or str(path.parent) in str(error)
    for shard in found or ():  # there is no file: no image can be in it
        assert re.fullmatch(r"\w[\w.-]*", shard["file"])
        assert not shard["photos"]


@seeded
@given(st.dictionaries(st.sampled_from(["T", "size", "other"]), anything))
def test_any_card_is_taken_or_refused(card):
    _, error = attempt(check_card, card)
    if error is None:
        assert 0 < float(card.get("T", 1)) < math.inf
    else:
        assert str(error).startswith("the card's ")


@seeded
@given(st.binary(max_size=200), st.booleans())
def test_a_file_holds_what_was_written_or_what_was_there(content, fails):
    folder, path = folder_of(b"before")
    with folder:
        try:
            with whole_file(path) as file:
                file.write(content)
                if fails:
                    raise KeyError
        except KeyError:
            content = b"before"
        assert path.read_bytes() == content
        assert len([*path.parent.iterdir()]) == 1


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(-9, 9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@seeded
@given(plain)
def test_written_json_is_what_was_given(content):
    folder, path = folder_of(b"")
    with folder:
        write_json(path, content)
        assert json.loads(path.read_text()) == content


@seeded
@given(st.binary(max_size=30), st.text(max_size=20))
def test_any_name_can_be_printed_and_has_its_size(name, text):
    printable(name.decode("utf-8", "surrogateescape")).encode()
    data, size = data_and_size(text)
    assert text in (data, f"{data}@{size}", f"{data}{text[len(data) :]}")
    if size is not None:
        assert text.rpartition("@")[0] == data
        assert int(text.rpartition("@")[2]) == size
