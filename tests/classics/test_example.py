"""Colors copied from another photo: which place is alike, from boxes, from samples."""

import numpy as np
import pytest
from PIL import Image

from colorlab.classics.example import (
    find_matches,
    jittered_places,
    look_of,
    move_statistics,
    patches_of,
    read_reference,
    welsh,
    welsh_swatches,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def photo(height=12, width=15, seed=0):
    """Smooth noise in color, (H, W, 3)."""
    small = rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height)))


def all_places(height, width):
    return np.indices((height, width)).reshape(2, -1).T


@pytest.mark.parametrize("kind", [np.asarray, Image.fromarray])
def test_a_reference_may_be_an_array_or_an_image(kind):
    gray, ab = read_reference(kind(photo()))
    assert gray.shape == (12, 15)
    assert ab.shape == (2, 12, 15)
    assert 0 <= gray.min() < gray.max() <= 1
    assert np.abs(ab).max() > 20


@pytest.mark.parametrize("window", [3, 5])
def test_look_is_lightness_and_deviation_of_the_mirrored_window(window):
    gray, reach = rng().random((6, 7)), window // 2
    padded = np.pad(gray, reach, mode="symmetric")
    lightness, deviation = look_of(gray, window)
    assert np.array_equal(lightness, gray)
    for y, x in np.ndindex(gray.shape):
        wanted = padded[y : y + window, x : x + window].std()
        assert deviation[y, x] == pytest.approx(wanted, abs=1e-7)


def test_patches_are_the_mirrored_windows():
    gray = rng().random((6, 7))
    padded = np.pad(gray, 2, mode="symmetric")
    found, apart = patches_of(gray, 5), patches_of(gray, 3, step=2)
    for y, x in np.ndindex(gray.shape):
        window = padded[y : y + 5, x : x + 5]
        assert np.array_equal(found[y, x], window.ravel())
        assert np.array_equal(apart[y, x], window[::2, ::2].ravel())


def test_statistics_are_moved():
    source, target = rng(1).random((5, 6)), 0.3 * rng(2).random((4, 3)) + 0.5
    moved = move_statistics(source, target)
    assert (moved.mean(), moved.std()) == pytest.approx((target.mean(), target.std()))
    assert np.corrcoef(moved.ravel(), source.ravel())[0, 1] == pytest.approx(1)
    flat = move_statistics(np.full((2, 2), 0.9), target)
    assert np.allclose(flat, target.mean())  # no division by 0


@pytest.mark.parametrize(("height", "width"), [(40, 60), (61, 40), (3, 300), (200, 1)])
def test_one_place_is_drawn_in_each_cell(height, width):
    places = jittered_places(height, width, 200, rng())
    assert places.min() >= 0
    assert (places < (height, width)).all()
    assert 140 <= len(places) <= 260
    assert len(np.unique(places, axis=0)) == len(places)
    # Evenly: about as many in the left half as in the right one.
    assert abs((places[:, 1] < width / 2).mean() - 0.5) < 0.1 or width == 1
    others = jittered_places(height, width, 200, rng(1))
    assert not np.array_equal(places, others) or width == 1


def test_matches_are_the_nearest_of_both_features_together():
    gray, other = rng(1).random((5, 6)), rng(2).random((7, 4))
    places = all_places(7, 4)[::2]
    found = find_matches(gray, other, places, k=3)
    assert found.shape == (3, 5, 6)
    moved = (other - other.mean()) / other.std() * gray.std() + gray.mean()
    looks, known = look_of(gray), look_of(moved)[:, places[:, 0], places[:, 1]]
    for y, x in np.ndindex(gray.shape):
        far = np.abs(known - looks[:, y, x, None]).sum(axis=0)
        assert found[:, y, x].tolist() == far.argsort(kind="stable")[:3].tolist()


def test_contrast_and_brightness_of_the_reference_do_not_matter():
    gray, other = rng(1).random((5, 6)), rng(2).random((7, 4))
    places = all_places(7, 4)
    darker = find_matches(gray, 0.2 + 0.5 * other, places)
    assert np.array_equal(darker, find_matches(gray, other, places))


def test_welsh_copies_what_was_matched():
    gray, reference = read_reference(photo(seed=1))[0], photo(30, 40, seed=2)
    other, ab = read_reference(reference)
    places = jittered_places(*other.shape, 50, rng(3))
    found = find_matches(gray, other, places, k=4)
    colors = ab[:, places[:, 0], places[:, 1]]
    one = welsh(gray, reference, samples=50, rng=rng(3))
    assert np.array_equal(one, colors[:, found[0]])
    four = welsh(gray, reference, k=4, samples=50, rng=rng(3))
    assert np.allclose(four, colors[:, found].mean(axis=1))


def test_no_color_is_invented():
    gray, reference = rng().random((20, 20)), photo(30, 40)
    ab = read_reference(reference)[1].reshape(2, -1).T.round(6)
    found = welsh(gray, reference).reshape(2, -1).T.round(6)
    assert {*map(tuple, found)} <= {*map(tuple, ab)}


def test_the_same_places_by_default_and_others_on_request():
    gray, reference = rng().random((20, 20)), photo(30, 40)
    assert np.array_equal(welsh(gray, reference), welsh(gray, reference))
    other = welsh(gray, reference, rng=rng(5))
    assert not np.array_equal(welsh(gray, reference), other)


def two_materials(height=24, width=40):
    """Red stripes beside blue ones at a slant: alike in lightness and deviation."""
    y, x = np.mgrid[:height, :width]
    bright = np.where(x < width // 2, (y // 2) % 2, ((x + y) // 2) % 2)
    picture = np.zeros((height, width, 3))
    picture[..., 0] = np.where(x < width // 2, 120 + 100 * bright, 60)
    picture[..., 2] = np.where(x < width // 2, 60, 120 + 100 * bright)
    return picture.astype(np.uint8)


def test_swatches_color_by_the_patches_of_the_own_picture():
    reference = two_materials()
    gray, ab = read_reference(reference)
    swatches = [((4, 4, 12, 16), (4, 4, 12, 16)), ((24, 4, 32, 16), (24, 4, 32, 16))]
    found = welsh_swatches(gray, reference, swatches)
    wrong = np.abs(found - ab).max(axis=0) > 40
    assert wrong.mean() < 0.1  # at the seam
    crossed = [(swatches[0][0], swatches[1][1]), (swatches[1][0], swatches[0][1])]
    turned = welsh_swatches(gray, reference, crossed)
    inside = np.s_[:, 6:18, 4:14]
    assert (found[inside][0] > 20).all()  # red
    assert (turned[inside][1] < -20).all()  # blue, since the person says so


def test_whole_numbers_are_lightnesses_too():
    """Bytes must not overflow in squares, nor means be cut to whole numbers."""
    levels = np.random.default_rng(0).integers(0, 256, (7, 9))
    wanted = look_of(levels.astype(float))
    for kind in (np.uint8, np.int64, np.float32):
        assert np.allclose(look_of(levels.astype(kind)), wanted, atol=1e-2)


GRAY = np.full((4, 4), 0.5)
HALF = ((0, 0, 2, 2), (0, 0, 2, 2))
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: welsh(GRAY + 1, photo()), r"gray must .* 0\.\.1, got \(4, 4\), 1.5"),
        (lambda: welsh(np.zeros((3, 3, 3)), photo()), r"gray must .* \(3, 3, 3\)"),
        (lambda: welsh(np.zeros((0, 3)), photo()), r"gray must .* nothing"),
        (lambda: welsh(GRAY, photo(), k=0), "k must be .* got 0"),
        (lambda: welsh(GRAY, photo(), k=99, samples=9), "k must be in 1.*got 99"),
        (lambda: welsh_swatches(GRAY, photo(), []), "swatches must .* got none"),
        (
            lambda: welsh_swatches(GRAY, photo(), [((0, 0, 5, 2), HALF[1])]),
            r"swatches must lie in their picture, 4 x 4, got \(0, 0, 5, 2\)",
        ),
        (
            lambda: welsh_swatches(GRAY, photo(), [(HALF[0], (3, 0, 3, 2))]),
            r"picture, 15 x 12, got \(3, 0, 3, 2\)",
        ),
        (lambda: read_reference("no-such.jpg"), "no-such"),
        (lambda: look_of(np.zeros((2, 3, 3))), r"gray must .* got \(2, 3, 3\)"),
        (lambda: look_of(GRAY, 0), "window must be 1 or more, got 0"),
        (lambda: patches_of(GRAY, 4), "side must be odd, 1 or more, got 4"),
        (lambda: patches_of(GRAY, 3, 0), "step must be 1 or more, got 0"),
        (lambda: welsh(GRAY, photo(), samples=0), "number must be 1 or more, got 0"),
        (lambda: welsh(GRAY, photo(), samples=-5), "number must be 1 or more, got -5"),
        (lambda: jittered_places(0, 5, 9, RNG), "height and width must .* 0, 5"),
        (lambda: find_matches(GRAY, GRAY, [[4, 0]]), r"places must lie in .* 4 x 4"),
        (lambda: find_matches(GRAY, GRAY, [[-1, 0]]), r"places must lie in .* 4 x 4"),
        (lambda: find_matches(GRAY, GRAY[None], [[0, 0]]), r"reference must .* \(1, 4"),
        (lambda: find_matches(GRAY, GRAY / 0, [[0, 0]]), "reference must be finite"),
        (
            lambda: welsh_swatches(GRAY, photo(), [((0.0, 0, 2, 2), HALF[1])]),
            r"swatches must be boxes of four whole numbers, got \(0\.0, 0, 2, 2\)",
        ),
        (
            lambda: welsh_swatches(GRAY, photo(), [(HALF[0], (0, 0, 2))]),
            r"swatches must be boxes of four whole numbers, got \(0, 0, 2\)",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
