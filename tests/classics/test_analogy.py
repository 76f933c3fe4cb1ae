"""Image analogies that keep what fits together; segments told apart by texture."""

import numpy as np
import pytest
from PIL import Image

from colorlab.classics.analogy import analogy, irony
from colorlab.classics.example import patches_of, read_reference
from colorlab.classics.scribbles import propagate


def rng(seed=0):
    return np.random.default_rng(seed)


def photo(height=12, width=15, seed=0):
    small = rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height)))


def copies(found, ab):
    """Where each pixel's color stands in the reference (colors that occur once)."""
    flat = ab.reshape(2, -1)
    far = np.abs(found.reshape(2, -1)[:, :, None] - flat[:, None]).sum(axis=0)
    assert far.min(axis=1).max() < 1e-9
    return np.stack(np.divmod(far.argmin(axis=1), ab.shape[2])).reshape(found.shape)


def joined(source):
    """The share of horizontal neighbors that were neighbors in the reference, too."""
    step = np.diff(source, axis=2)
    return ((step[0] == 0) & (step[1] == 1)).mean()


def test_a_picture_is_its_own_best_example():
    gray, ab = read_reference(photo())
    assert np.allclose(analogy(gray, photo()), ab)


def test_without_kappa_a_match_is_never_farther_than_the_best_one():
    gray, reference = read_reference(photo(seed=3))[0], photo(seed=4)
    ab = read_reference(reference)[1]
    best, loose = (analogy(gray, reference, kappa) for kappa in (0, 20))
    assert joined(copies(loose, ab)) > joined(copies(best, ab)) + 0.2


def test_a_shifted_crop_is_continued_as_one_piece():
    reference = rng(1).integers(0, 256, (14, 18, 3)).astype(np.uint8)
    gray, ab = read_reference(reference)
    other = read_reference(reference)[0][3:12, 4:16]
    found = copies(analogy(other, reference, kappa=0), ab)
    assert joined(found[:, 2:-2, 2:-2]) == 1


def textures(seed=0, flip=False):
    """Rough and orange beside smooth and blue; both about as light."""
    noise = rng(seed).normal(0, 0.16, (36, 30)).clip(-0.4, 0.4)
    wave = 0.05 * np.sin(np.arange(30) / 6)[None] + np.zeros((36, 1))
    light = np.concatenate([0.5 + noise, 0.5 + wave], axis=1)
    tint = np.repeat([[[255, 160, 80]] * 30 + [[110, 160, 255]] * 30], 36, axis=0)
    picture = (light[..., None] * tint).clip(0, 255).astype(np.uint8)
    return picture[:, ::-1] if flip else picture


SEGMENTS = np.repeat([[0] * 30 + [1] * 30], 36, axis=0)


def test_segments_are_told_apart_by_texture():
    gray, ab = read_reference(textures(seed=1, flip=True))
    found, labels, confidence = irony(gray, textures(), SEGMENTS)
    assert found.shape == (2, 36, 60)
    assert labels.shape == confidence.shape == (36, 60)
    assert (labels != SEGMENTS[:, ::-1]).mean() < 0.06
    assert (confidence >= 0.5 - 1e-9).all()  # of two, one has half of the vote
    assert (confidence <= 1 + 1e-9).all()
    inner = np.s_[:, :, 8:22]  # smooth and blue, here
    assert found[inner][1].max() < 0
    assert np.abs(found - ab).mean() < 12


def test_sure_pixels_are_strokes():
    gray = read_reference(textures(seed=1, flip=True))[0]
    found, _, confidence = irony(gray, textures(), SEGMENTS)
    again = propagate(gray, found, confidence > 0.5)
    assert np.allclose(found, again, atol=1e-8)


def test_of_one_segment_the_nearest_match_gives_the_color():
    """On its own photo each pixel's vote is for itself, moved back: the true color."""
    reference = textures()
    gray, ab = read_reference(reference)
    found, labels, _ = irony(gray, reference, SEGMENTS)
    assert (labels == SEGMENTS).mean() > 0.95
    error = np.abs(found - ab).mean()
    other = irony(gray, textures(seed=5), SEGMENTS)[0]
    assert error < np.abs(other - ab).mean()


def test_many_segments_have_numbers_of_their_own():
    gray, reference = patches_of(rng().random((20, 24)), 3).mean(axis=-1), photo(20, 24)
    segments = np.repeat(np.repeat([[0, 1, 2, 3]], 6, axis=1), 20, axis=0)
    _, labels, confidence = irony(gray, reference, segments)
    assert set(np.unique(labels)) <= {0, 1, 2, 3}
    assert confidence.min() >= 0.25 - 1e-9


GRAY = np.full((4, 4), 0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: analogy(GRAY - 1, photo()), "gray must"),
        (lambda: analogy(GRAY, photo(), kappa=-1), "kappa must .* got -1"),
        (lambda: irony(GRAY, photo(), np.zeros((4, 4), int)), r"shape \(12, 15\)"),
        (lambda: irony(GRAY, photo(), np.zeros((12, 15), int)), r"2 or more.*\[0\]"),
        (lambda: irony(GRAY, photo(), np.full((12, 15), 2)), r"from 0.*\[2\]"),
        (lambda: irony(GRAY + 1, photo(), np.eye(12, 15, dtype=int)), "gray must"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
