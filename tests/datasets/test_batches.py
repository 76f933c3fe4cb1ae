"""Batches that nothing but the seed decides: no worker, no restart, no process."""

import pickle
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab.datasets.batches import (
    TRIES,
    WINDOW,
    ImageDataset,
    batch_sizes_per_source,
    central_image,
    epoch_batches,
    image_batches,
    image_order,
    training_batches,
    weighted_batches,
)
from colorlab.datasets.images import to_tensor
from colorlab.datasets.names import Names
from colorlab.datasets.shards import write_shards
from colorlab.datasets.sources import ImageSource, find_images


def pretended(number, shards=0):
    """A set of photos that are nowhere: in files of their own, or in shards."""
    place = np.zeros((number, 3), dtype=np.int64)
    place[:, 0] = np.arange(number) * shards // number if shards else np.arange(number)
    place[:, 2] = 9 if shards else 0
    place[:, 1] = 512 if shards else 0
    names = Names.of(f"{n}.jpg" for n in range(shards or number))
    return ImageSource("nowhere", names, place)


def every(data):
    """All images of data that is not divided."""
    return find_images(data, hold_out=False)


@pytest.fixture
def sources(save_photos, tmp_path):
    """Ten photos to be shown at 16 pixels, and six at 32."""
    save_photos(tmp_path / "small", 10)
    save_photos(tmp_path / "large", 6, size=48)
    return [
        (every(tmp_path / "small"), 16),
        (every(tmp_path / "large"), 32),
    ]


def damage(photos, *numbers):
    for number in numbers:
        photos.path(number).write_text("no image")


def squares(photos, size=16):
    return [central_image(photos.open(n), size) for n in range(len(photos))]


def test_images_that_are_measured_show_the_middle(sources, tmp_path):
    photos, _ = sources[0]
    assert torch.equal(squares(photos)[0], to_tensor(Image.open(photos.path(0))))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 14, 3), dtype=np.uint8)
    (tmp_path / "wide").mkdir()
    Image.fromarray(pixels).save(tmp_path / "wide/a.png")
    (middle,) = squares(every(tmp_path / "wide"), 8)
    assert middle.dtype == torch.uint8
    assert np.array_equal(middle.permute(1, 2, 0), pixels[:, 3:11])


def test_crops_depend_on_seed_and_index_alone(sources):
    indices = [(e, s, n) for e in (0, 1) for s in (0, 1) for n in (0, 1)]
    crops = [ImageDataset(sources, seed=3)[index][0] for index in indices]
    again = pickle.loads(pickle.dumps(ImageDataset(sources, seed=3)))
    for index, crop in reversed([*zip(indices, crops, strict=True)]):
        assert torch.equal(again[index][0], crop)
    assert not torch.equal(crops[2], crops[6])  # the same photo in another epoch
    assert not torch.equal(crops[2], ImageDataset(sources, seed=4)[indices[2]][0])


def test_crops_of_two_photos_are_not_alike(save_photos, tmp_path):
    path = save_photos(tmp_path, 1, size=64)[0]
    (tmp_path / "same.png").write_bytes(path.read_bytes())
    photos = ImageDataset([(every(tmp_path), 16)] * 2, seed=0)
    crops = [photos[0, source, number][0] for source in (0, 1) for number in (0, 1)]
    assert len({crop.numpy().tobytes() for crop in crops}) == 4


def test_corrupt_photo_gives_way_to_the_next(sources):
    photos, size = sources[0]
    damage(photos, 8, 9)
    rgb, epoch, source, skipped = ImageDataset(sources, seed=0)[3, 0, 8]
    assert rgb.shape == (3, 16, 16)
    assert (epoch, source) == (3, 0)
    assert [*skipped] == ["photo_8.png", "photo_9.png"]  # then comes the first
    assert "no format that is known" in skipped["photo_8.png"]
    colors = {tuple(color) for color in rgb.flatten(1).T.tolist()}
    first = to_tensor(Image.open(photos.path(0))).flatten(1).T.tolist()
    assert colors & set(map(tuple, first))


def test_square_batches_give_every_photo_once_in_order(sources):
    photos, _ = sources[0]
    skipped, seen = {}, []
    batches = [*image_batches(photos, 8, 4, skipped, lambda n: seen.append(n) or n)]
    assert [tuple(batch.shape) for batch in batches] == [
        (n, 3, 8, 8) for n in (4, 4, 2)
    ]
    assert torch.equal(torch.cat(batches), torch.stack(squares(photos, 8)))
    assert skipped == {}
    assert seen == [range(10)]


def test_square_batches_skip_and_tell(sources):
    photos, _ = sources[0]
    whole = squares(photos)
    expected = torch.stack([whole[n] for n in (0, 2, 3, 5, 6, 7, 8)])
    damage(photos, 1, 4, 9)
    # What was skipped before, of other photos, does not count.
    skipped = {f"another_{n}.png": "" for n in range(10)}
    batches = [*image_batches(photos, 16, 2, skipped)]
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]
    assert torch.equal(torch.cat(batches), expected)
    assert [*skipped][10:] == [f"photo_{n}.png" for n in (1, 4, 9)]
    assert "whole image file" in skipped["photo_4.png"]


def test_square_batches_need_one_readable_photo(sources):
    photos, _ = sources[0]
    damage(photos, *range(10))
    with pytest.raises(
        ValueError, match="images must hold one that can be read, of 10"
    ):
        next(image_batches(photos, 16, 2, {}))


@pytest.mark.parametrize("shards", [0, 1, 3, 40])
def test_photo_order_is_a_permutation_by_its_seed(shards):
    photos = pretended(400, shards)
    order = image_order(photos, (1, 2, 3))
    assert sorted(order.tolist()) == [*range(400)]
    assert np.array_equal(image_order(photos, (1, 2, 3)), order)
    assert not np.array_equal(image_order(photos, (1, 2, 4)), order)
    # Neighbors in the set are not neighbors in the order.
    assert (np.diff(order) == 1).mean() < 0.05


def test_photo_order_opens_few_shards_at_a_time():
    photos = pretended(4000, shards=40)
    shard = photos.place[image_order(photos, (0,)), 0]
    groups = [set(part.tolist()) for part in np.split(shard, [1600, 3200])]
    assert [len(group) for group in groups] == [WINDOW, WINDOW, 40 - 2 * WINDOW]
    assert set.union(*groups) == set(range(40))  # each shard is in one group only
    # Within a group they are mixed: any tenth of it shows nearly all shards.
    assert min(len(set(shard[at : at + 160])) for at in range(0, 1600, 160)) >= 14
    assert groups[0] != set(range(WINDOW))
    whole = image_order(pretended(4000), (0,))  # files of their own: mixed as a whole
    assert (whole[:1600] < 2000).mean() == pytest.approx(0.5, abs=0.05)  # 4 sigma


def plan(sizes, batch_sizes, seed=0, epoch=0):
    sources = [(pretended(size), 16) for size in sizes]
    return [*epoch_batches(sources, batch_sizes, seed, epoch)]


@pytest.mark.parametrize("sizes", [(12, 6), (11, 5), (12, 2)])
def test_epoch_shows_every_photo_once_at_most(sizes):
    batches = plan(sizes, [4, 3], epoch=5)
    shown = Counter(index for batch in batches for index in batch)
    assert set(shown.values()) == {1}
    assert {epoch for epoch, _, _ in shown} == {5}
    per_source = Counter(source for _, source, _ in shown)
    # What does not fill a batch is left out.
    assert per_source[0] == sizes[0] // 4 * 4
    assert per_source[1] == sizes[1] // 3 * 3
    for batch in batches:
        sources = {source for _, source, _ in batch}
        assert len(sources) == 1
        assert len(batch) == [4, 3][sources.pop()]


def test_what_is_left_out_changes():
    shown = [
        {n for batch in plan([11], [4], epoch=e) for *_, n in batch} for e in (0, 1)
    ]
    assert shown[0] != shown[1]


def test_epoch_is_a_function_of_seed_and_epoch():
    def numbers(seed, epoch):
        batches = plan([20, 10], [4, 2], seed, epoch)
        return [[index[1:] for index in batch] for batch in batches]

    first = numbers(1, 2)
    assert numbers(1, 2) == first
    assert numbers(1, 3) != first
    assert numbers(2, 2) != first
    # Sources alternate by chance, not one after the other.
    turns = {tuple(batch[0][0] for batch in numbers(1, e)) for e in range(3)}
    assert len(turns) == 3


def test_equal_cost_is_of_pixels():
    sizes = (64, 128, 32, 90, 1000)
    sources = [(pretended(200), size) for size in sizes]
    # 40 * 64**2 / 90**2 is 20.2; a picture of 1000 pixels costs more than the batch.
    assert batch_sizes_per_source(sources, 40) == [40, 10, 160, 20, 1]


def test_training_batches_shape(sources):
    batches = [*islice(training_batches(sources, batch_size=4, seed=0), 16)]
    # 10 photos of 16 pixels give 2 batches of 4; a 32-pixel photo costs four times as
    # much, so the other 6 come one by one: 8 batches an epoch.
    assert [batch.epoch for batch in batches] == [0] * 8 + [1] * 8
    expected = Counter({(4, 3, 16, 16): 4, (1, 3, 32, 32): 12})
    assert Counter(tuple(batch.rgb.shape) for batch in batches) == expected
    assert all(batch.photos == len(batch.rgb) for batch in batches)
    assert all(batch.skipped == {} for batch in batches)


def assert_same(batches, others):
    for batch, other in zip(batches, others, strict=True):
        assert torch.equal(batch.rgb, other.rgb)
        assert batch[1:] == other[1:]


@pytest.mark.parametrize("first_step", [1, 7, 8, 11, 17])
def test_training_batches_from_any_step(sources, first_step):
    # 8 steps an epoch: so this ends in the middle of an epoch, at its end, or after.
    whole = islice(training_batches(sources, 4, seed=0), first_step, first_step + 9)
    late = islice(training_batches(sources, 4, seed=0, first_step=first_step), 9)
    assert_same(whole, late)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(sources, workers):
    damage(sources[0][0], 2)
    alone = [*islice(training_batches(sources, 4, 0, first_step=3), 10)]
    helped = islice(training_batches(sources, 4, 0, 3, workers=workers), 10)
    assert any(batch.skipped for batch in alone)
    assert_same(alone, helped)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_shares_make_up_the_batch(sources, ranks):
    sources = sources[:1]
    damage(sources[0][0], 2)
    whole = training_batches(sources, 4, seed=0, first_step=1)
    shares = [
        training_batches(sources, 4, seed=0, first_step=1, share=(rank, ranks))
        for rank in range(ranks)
    ]
    for batch, *parts in islice(zip(whole, *shares, strict=True), 5):
        together = torch.empty_like(batch.rgb)
        for rank, part in enumerate(parts):
            together[rank::ranks] = part.rgb
        assert torch.equal(together, batch.rgb)
        assert sum(len(part.rgb) for part in parts) == 4
        # What differs is only who meets the corrupt photo.
        assert {(part.epoch, part.photos) for part in parts} == {(batch.epoch, 4)}
        assert {k for part in parts for k in part.skipped} == set(batch.skipped)


def test_stretch_reaches_the_crops(tmp_path):
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack([np.broadcast_to(ramp, (64, 64))] * 3, axis=-1)
    Image.fromarray(pixels).save(tmp_path / "ramp.png")
    photos = [(every(tmp_path), 16)]
    spans = {}
    for stretch in (0, 64):
        rgb = next(training_batches(photos, 1, seed=0, stretch=stretch)).rgb.int()
        spans[stretch] = (rgb.max() - rgb.min()).item()
    assert spans[64] < 255 / 4 < 255 / 1.7 < spans[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_corrupt_photos_are_told_and_the_shape_stays(sources, workers):
    damage(sources[0][0], 1, 7, 8)
    batches = training_batches(sources[:1], 5, seed=0, workers=workers)
    told = {}
    for batch in islice(batches, 2):
        assert batch.rgb.shape == (5, 3, 16, 16)
        told |= batch.skipped
    assert sorted(told) == [f"photo_{n}.png" for n in (1, 7, 8)]


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_but_corrupt_photos_is_refused(sources, workers):
    damage(sources[0][0], *range(10))
    batches = training_batches(sources[:1], 2, seed=0, workers=workers)
    told = rf"{TRIES} in a row are not, the last is photo_\d\.png: image must be"
    with pytest.raises(ValueError, match=told):
        next(batches)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_no_fault_of_an_image_is_raised(sources, workers, monkeypatch):
    def fail(self, number):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(ImageSource, "open", fail)
    batches = training_batches(sources, 2, seed=0, workers=workers)
    with pytest.raises(OSError, match=r"^photo_\d\.png: .* Too many open files$"):
        next(batches)
    with pytest.raises(OSError, match="Too many open files"):
        next(image_batches(sources[0][0], 16, 2, {}))


def test_shards_are_read_as_their_photos_would_be(sources, tmp_path):
    write_shards({"train": sources[0][0]}, tmp_path / "shards", per_shard=3)
    packed = every(tmp_path / "shards")
    batch = next(training_batches([(packed, 16)], 10, seed=0, workers=1))
    assert batch.rgb.shape == (10, 3, 16, 16)
    assert batch.skipped == {}
    assert len({photo.numpy().tobytes() for photo in batch.rgb}) == 10


@pytest.mark.parametrize(
    ("chosen", "batch_size", "told"),
    [
        (slice(0, 1), 11, "takes 11, there are 10 images of"),
        (slice(1, None, -1), 4, "takes 16, there are 10 images of .*small"),
        (slice(0, 2), 64, "takes 64, there are 10 images of"),
    ],
)
def test_too_few_photos_are_refused(sources, chosen, batch_size, told):
    with pytest.raises(
        ValueError, match=f"batch_size must not exceed .*: a batch {told}"
    ):
        next(training_batches(sources[chosen], batch_size, seed=0))


SHARES = (3, 1)


def weighted(sources, number, first=0, seed=0):
    return [*islice(weighted_batches(sources, SHARES, 4, seed, first), number)]


def test_images_are_of_each_source_by_its_share(sources):
    batches = weighted([(images, 16) for images, _ in sources], 1500)
    assert {len(batch) for batch in batches} == {4}
    of_first = sum(source == 0 for batch in batches for _, source, _ in batch) / 6000
    assert of_first == pytest.approx(0.75, abs=0.02)  # its deviation is 0.006


def test_with_shares_too_each_source_shows_all_its_images_before_any_again(sources):
    seen = [index for batch in weighted(sources, 200) for index in batch]
    for source, (images, _) in enumerate(sources):
        own = [(epoch, number) for epoch, at, number in seen if at == source]
        for epoch in range(own[-1][0]):
            numbers = sorted(number for at, number in own if at == epoch)
            assert numbers == [*range(len(images))]


@pytest.mark.parametrize("first", [0, 1, 999, 1000, 1001, 2003])
def test_a_plan_with_shares_can_start_anywhere(sources, first):
    assert weighted(sources, 5, first) == weighted(sources, first + 5)[first:]


def test_a_plan_with_shares_is_that_of_its_seed(sources):
    assert weighted(sources, 9) != weighted(sources, 9, seed=1)


def test_a_batch_with_shares_mixes_the_sources(sources):
    sources = [(images, 16) for images, _ in sources]
    mixed = training_batches(sources, 6, seed=0, shares=(1, 1))
    batch = next(mixed)
    assert (len(batch.rgb), batch.photos) == (6, 6)
    parts = [
        next(training_batches(sources, 6, 0, share=(rank, 2), shares=(1, 1)))
        for rank in (0, 1)
    ]
    assert torch.equal(torch.stack([p.rgb for p in parts], 1).flatten(0, 1), batch.rgb)
