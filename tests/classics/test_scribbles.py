"""Strokes spread to the edges: the authors' weights, solved exactly; who is nearest."""

import numpy as np
import pytest
import torch

from colorlab.classics import scribbles
from colorlab.classics.scribbles import (
    OFFSETS,
    geodesic_shares,
    neighbor_weights,
    propagate,
    scribble_shares,
    solve,
)
from colorlab.decode import annealed_mean, mode


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(height=9, width=11, seed=0):
    return rng(seed).random((height, width))


def strokes(height=9, width=11, number=3, seed=1):
    """Labels of so many strokes, of two pixels each."""
    labels = np.zeros(height * width, dtype=int)
    places = rng(seed).choice(labels.size, 2 * number, replace=False)
    labels[places] = np.arange(2 * number) // 2 + 1
    return labels.reshape(height, width)


def authors_weights(gray):
    """The weights of Levin et al.'s code, pixel by pixel, as a dense matrix."""
    height, width = gray.shape
    matrix = np.zeros((gray.size, gray.size))
    for y in range(height):
        for x in range(width):
            window = [
                (v, u)
                for v in range(max(0, y - 1), min(y + 2, height))
                for u in range(max(0, x - 1), min(x + 2, width))
            ]
            values = np.array([gray[place] for place in window])
            others = [place for place in window if place != (y, x)]
            squared = np.array([(gray[place] - gray[y, x]) ** 2 for place in others])
            sigma = 0.6 * np.mean((values - values.mean()) ** 2)
            if sigma < -squared.min() / np.log(0.01):
                sigma = -squared.min() / np.log(0.01)
            sigma = max(sigma, 2e-6)
            weights = np.exp(-squared / sigma)
            for (v, u), weight in zip(others, weights / weights.sum(), strict=True):
                matrix[y * width + x, v * width + u] = weight
    return matrix


def dense(weights):
    _, height, width = weights.shape
    matrix = np.zeros([height * width] * 2)
    for (v, u), layer in zip(OFFSETS, weights, strict=True):
        for y, x in np.ndindex(height, width):
            if layer[y, x]:
                matrix[y * width + x, (y + v) * width + x + u] = layer[y, x]
    return matrix


FLAT = np.full((4, 5), 0.3)
STEP = np.repeat([[0.2] * 3 + [0.21] * 3], 4, axis=0)
SPIKE = np.pad([[1.0]], 3)  # one pixel unlike all others: the least weight counts


@pytest.mark.parametrize("gray", [noise(), FLAT, STEP, SPIKE, noise(1, 7), noise(7, 1)])
def test_weights_are_those_of_the_authors_code(gray):
    weights = neighbor_weights(gray)
    assert weights.shape == (8, *gray.shape)
    assert np.allclose(weights.sum(axis=0), 1)
    assert np.allclose(dense(weights), authors_weights(gray), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_exact_solution(seed):
    gray, labels = noise(seed=seed), strokes(seed=seed)
    channels = rng(seed).normal(size=(2, *gray.shape))
    known = labels.ravel() > 0
    system = np.eye(gray.size) - authors_weights(gray)
    system[known] = np.eye(gray.size)[known]
    right = np.where(known, channels.reshape(2, -1), 0)
    wanted = np.linalg.solve(system, right.T).T.reshape(channels.shape)
    assert np.allclose(propagate(gray, channels, labels > 0), wanted, atol=1e-10)


@pytest.mark.parametrize("gray", [noise(30, 40), STEP, SPIKE])
@pytest.mark.parametrize("edge_stop", [0, 5])
def test_colors_stay_in_the_box_of_the_strokes_colors(gray, edge_stop):
    mask = strokes(*gray.shape, seed=4) > 0
    channels = rng(5).normal(scale=50, size=(2, *gray.shape))
    colors = propagate(gray, channels, mask, edge_stop=edge_stop)
    for color, given in zip(colors, channels, strict=True):
        assert np.array_equal(color[mask], given[mask])
        assert given[mask].min() - 1e-9 <= color.min()
        assert color.max() <= given[mask].max() + 1e-9


def test_one_color_colors_all():
    mask = strokes() > 0
    channels = np.broadcast_to(np.array([40.0, -20.0])[:, None, None], (2, 9, 11))
    assert np.allclose(propagate(noise(), channels, mask), channels)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (3, 3), (17, 40), (40, 17)])
def test_every_pixel_is_eliminated_once(shape):
    order = scribbles._dissect(*shape)
    assert sorted(order.tolist()) == list(range(shape[0] * shape[1]))


def test_halves_do_not_meet_before_the_line_between_them():
    height, width = 12, 31
    order = scribbles._dissect(height, width)
    line = order[-height:]
    assert set((line % width).tolist()) == {width // 2}
    left, right = np.split(order[:-height] % width, [height * (width // 2)])
    assert left.max() < width // 2 < right.min()


def test_what_is_not_known_does_not_matter():
    mask = strokes() > 0
    channels = rng(2).normal(size=(1, 9, 11))
    other = np.where(mask, channels, np.nan)
    assert np.array_equal(
        propagate(noise(), channels, mask), propagate(noise(), other, mask)
    )


def test_it_is_linear():
    mask = strokes() > 0
    one, two = rng(2).normal(size=(2, 3, 9, 11))
    together = propagate(noise(), 2 * one - 3 * two, mask)
    apart = 2 * propagate(noise(), one, mask) - 3 * propagate(noise(), two, mask)
    assert np.allclose(together, apart)


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 0.3), (-1, 1), (0.1, 0)])
def test_an_affine_map_of_the_grays_changes_nothing(scale, shift):
    mask = strokes() > 0
    channels = rng(2).normal(size=(1, 9, 11))
    mapped = propagate(scale * noise() + shift, channels, mask)
    assert np.allclose(mapped, propagate(noise(), channels, mask))
    # Where grays differ by rounding only, the least sigma stops this.
    faint = propagate(1e-4 * noise(), channels, mask)
    assert not np.allclose(faint, propagate(noise(), channels, mask), atol=0.01)


def test_a_random_walker_finds_the_same_in_the_mean():
    gray, labels, walks = noise(4, 5), np.zeros((4, 5), int), 20_000
    labels[0, 0], labels[3, 4], labels[3, 0] = 1, 2, 3
    steps = np.cumsum(dense(neighbor_weights(gray)), axis=1)
    place, generator = np.full(walks, 1 * 5 + 2), rng(7)
    while (walking := labels.ravel()[place] == 0).any():
        drawn = generator.random((walking.sum(), 1)) * (1 - 1e-12)
        place[walking] = (steps[place[walking]] <= drawn).sum(axis=1)
    met = np.bincount(labels.ravel()[place], minlength=4)[1:] / walks
    shares = scribble_shares(gray, labels)[:, 1, 2]
    # Five standard deviations of a share among so many walks.
    assert np.abs(met - shares).max() < 5 * 0.5 / walks**0.5
    assert met.min() > 0.005  # all three are met


def test_shares_are_a_distribution():
    labels = strokes(number=4)
    shares = scribble_shares(noise(), labels)
    assert shares.shape == (4, 9, 11)
    assert (shares >= 0).all()
    assert np.allclose(shares.sum(axis=0), 1)
    for number in range(4):
        assert (shares[number][labels == number + 1] == 1).all()


def test_the_networks_decoder_bridges_mean_and_segmentation():
    labels = strokes()
    colors = torch.tensor([[60.0, 40.0], [-30.0, 20.0], [0.0, -50.0]], dtype=float)
    shares = torch.from_numpy(scribble_shares(noise(), labels))[None]
    painted = colors.T.numpy()[:, labels - 1]  # outside the strokes: whatever
    mean = propagate(noise(), painted, labels > 0)
    assert np.allclose(annealed_mean(shares.log(), colors, T=1)[0], mean)
    segments = colors[shares[0].argmax(dim=0)].permute(2, 0, 1)
    assert torch.allclose(annealed_mean(shares.log(), colors, T=1e-4)[0], segments)
    assert torch.equal(mode(shares, colors)[0], segments)
    vivid = annealed_mean(shares.log(), colors, T=0.38)[0]
    # In between: no farther from either than they are from each other.
    apart = (segments - torch.from_numpy(mean)).norm()
    assert (vivid - segments).norm() < apart
    assert (vivid - torch.from_numpy(mean)).norm() < apart


def bleed(edge_stop):
    """How far a color comes over a noisy edge, in pixels, before it falls to half."""
    clean = np.repeat([[0.4] * 20 + [0.5] * 60], 12, axis=0)
    labels = np.zeros((12, 80), int)
    labels[:, 5], labels[:, 75] = 1, 2
    gray = clean + rng().normal(0, 0.02, clean.shape)
    shares = scribble_shares(gray, labels, edge_stop=edge_stop)[0].mean(axis=0)
    return int((shares > 0.5).sum()) - 20


def test_edge_stop_shortens_the_bleeding():
    assert bleed(8) < bleed(2) < bleed(0)
    assert bleed(0) > 20
    assert bleed(8) <= 2


def brute_distances(gray, labels):
    """Shortest paths by relaxation until nothing changes."""
    best = np.where(
        labels == np.arange(1, labels.max() + 1)[:, None, None], 0.0, np.inf
    )
    height, width = gray.shape
    while True:
        before = best.copy()
        for y, x in np.ndindex(height, width):
            for v, u in OFFSETS:
                if 0 <= y + v < height and 0 <= x + u < width:
                    step = abs(gray[y, x] - gray[y + v, x + u]) + 1e-6
                    best[:, y, x] = np.minimum(
                        best[:, y, x], best[:, y + v, x + u] + step
                    )
        if np.array_equal(best, before):
            return best


def test_geodesic_shares_follow_the_shortest_paths():
    gray, labels = noise(6, 7), strokes(6, 7)
    distances = brute_distances(gray, labels)
    free = labels == 0
    nearness = (distances[:, free] + 1e-6) ** -4.0
    wanted = nearness / nearness.sum(axis=0)
    shares = geodesic_shares(gray, labels)
    assert np.allclose(shares[:, free], wanted, atol=1e-6)
    assert np.allclose(shares.sum(axis=0), 1)
    assert all((shares[n][labels == n + 1] == 1).all() for n in range(3))


def test_geodesic_shares_stop_at_edges():
    gray = np.repeat([[0.2] * 20 + [0.5] * 20], 6, axis=0)
    labels = np.zeros((6, 40), int)
    labels[2, 18], labels[4, 39] = 1, 2  # the left one is nearer to most of the right
    shares = geodesic_shares(gray, labels)[0]
    assert (shares[:, :20] > 0.999).all()
    assert (shares[:, 20:] < 0.001).all()


def test_where_all_is_known_nothing_changes():
    channels = rng(2).normal(size=(2, 9, 11))
    assert np.array_equal(propagate(noise(), channels, np.ones((9, 11))), channels)


NO_STROKE = np.zeros((9, 11), int)
BLANK = np.zeros((1, 9, 11))
WEIGHTS = neighbor_weights(np.zeros((9, 11)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: neighbor_weights(noise() + 1), r"gray must lie in 0\.\.1, got 1"),
        (lambda: neighbor_weights(np.full((2, 2), np.nan)), "gray must lie in"),
        (lambda: neighbor_weights(np.zeros((1, 1))), r"gray must .*; got \(1, 1\)"),
        (lambda: neighbor_weights(np.zeros((3, 3, 3))), r"gray must .*\(3, 3, 3\)"),
        (lambda: neighbor_weights(noise(), 0), "variance_scale must be .* got 0"),
        (lambda: neighbor_weights(noise(), 1, -1), "edge_stop must be .* got -1"),
        (lambda: propagate(noise(), np.zeros((1, 9, 11)), NO_STROKE), "got 0 of"),
        (
            lambda: propagate(noise(), np.zeros((1, 9, 11)), np.ones((2, 2))),
            r"\(2, 2\)",
        ),
        (
            lambda: propagate(noise(), noise(), strokes() > 0),
            r"channels must .*\(9, 11\)",
        ),
        (
            lambda: propagate(noise(), np.full((1, 9, 11), np.nan), strokes() > 0),
            "channels must be finite where mask",
        ),
        (lambda: scribble_shares(noise(), NO_STROKE), r"labels must .* got \[0\]"),
        (lambda: scribble_shares(noise(), strokes() * 2), r"got \[0, 2, 4, 6\]"),
        (lambda: geodesic_shares(noise(), strokes() - 1), r"got \[-1, 0, 1, 2\]"),
        (
            lambda: geodesic_shares(noise(3, 3), strokes()),
            r"shape \(3, 3\), got \(9, 1",
        ),
        (
            lambda: propagate(noise(), np.zeros((0, 9, 11)), strokes() > 0),
            r"channels must .* got \(0, 9, 11\)",
        ),
        (lambda: solve(np.ones((8, 9)), BLANK, strokes() > 0), r"weights .*\(8, 9\)"),
        (lambda: solve(-WEIGHTS, BLANK, strokes() > 0), "weights must not be negative"),
        (lambda: solve(2 * WEIGHTS, BLANK, strokes() > 0), "weights must .* got 2"),
        (lambda: solve(np.nan * WEIGHTS, BLANK, strokes() > 0), "weights must not"),
        (
            lambda: solve(np.full((8, 9, 11), 0.1), BLANK, strokes() > 0),
            "weights must be 0 where a neighbor lies outside",
        ),
        (lambda: geodesic_shares(noise(), strokes(), 0), "power must be .* got 0"),
        (lambda: geodesic_shares(noise(), strokes(), -4), "power must be .* got -4"),
        (lambda: geodesic_shares(noise(), strokes(), np.nan), "power must .* got nan"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
