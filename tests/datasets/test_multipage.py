"""Images of several pages or frames: read and written one after the other."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from colorlab.datasets.images import within_tiff
from colorlab.datasets.multipage import can_hold, open_pages, paged_format, save_pages


def frames(count=3, size=(24, 16)):
    ramp = Image.linear_gradient("L").resize(size)
    return [ramp.rotate(90 * n).resize(size) for n in range(count)]


def several(kind, pages=None, **options):
    file = io.BytesIO()
    first, *rest = pages or frames()
    first.save(file, kind, save_all=True, append_images=rest, **options)
    return file


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_times_and_repeats_are_kept(kind, tmp_path):
    times = [100, 250, 1000]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    source = several(kind, duration=times, loop=3, **lossless)
    out = tmp_path / f"out.{kind}"
    notes = save_pages(open_pages(source), out)
    assert notes == (
        ["a GIF has 256 colors a frame: lightness moves a little, too"]
        if kind == "GIF"
        else []
    )
    with Image.open(out) as written:
        assert (written.format, written.n_frames) == (kind, 3)
        assert written.info.get("loop", 3) == 3  # AVIF tells none
        for n, frame in enumerate(frames()):
            written.seek(n)
            off = np.abs(np.asarray(written.convert("L")).astype(int) - frame).mean()
            assert off < 3
            assert written.info["duration"] == times[n]


def test_pages_keep_their_sizes_and_what_they_tell(tmp_path):
    pages = [Image.new("L", (20 + n, 10 - n), 50 * n) for n in range(3)]
    pages[1] = pages[1].convert("1")
    source = several("TIFF", pages, dpi=(300, 300))
    out = tmp_path / "new" / "out.tif"
    assert save_pages(open_pages(source), out) == []
    with Image.open(out) as written:
        assert written.n_frames == 3
        for n, page in enumerate(pages):
            written.seek(n)
            assert (written.size, written.mode) == (page.size, "RGB")
            assert written.info["dpi"] == (300, 300)
            assert np.array_equal(written, page.convert("RGB"))


def test_progress_goes_by_pages():
    seen = []

    def look(numbers):
        for number in numbers:
            yield number
            seen.append(number)

    pages = open_pages(several("TIFF"), progress=look)
    next(pages)
    assert seen == []
    assert len([*pages]) == 2
    assert seen == [0, 1, 2]


def test_pages_are_held_one_at_a_time(tmp_path):
    alive, most = set(), []

    class Page(Image.Image):
        def __del__(self):
            alive.discard(id(self))

    def made():
        for _ in range(6):
            page = Page()
            page.im, page._mode, page._size = frames()[0].im, "L", (24, 16)
            alive.add(id(page))
            most.append(len(alive))
            yield page
            del page

    save_pages(made(), tmp_path / "out.tif")
    assert max(most) <= 2


def test_transparent_frames_do_not_pile_up(tmp_path):
    clear = [Image.new("RGBA", (16, 16)) for _ in range(2)]
    for n, frame in enumerate(clear):
        frame.paste((200, 200, 200, 255), (8 * n, 0, 8 * n + 8, 16))
    for kind in ("GIF", "PNG"):
        out = tmp_path / f"out.{kind}"
        source = several(kind, clear, **({"disposal": 2} if kind == "GIF" else {}))
        save_pages(open_pages(source), out)
        with Image.open(out) as written:
            written.seek(1)
            alpha = np.asarray(written.convert("RGBA"))[..., 3]
        assert alpha[:, :8].max() < 10 < 245 < alpha[:, 8:].min()


def test_which_file_has_pages():
    assert paged_format(several("GIF")) == "GIF"
    assert paged_format(several("TIFF", frames(1))) == ""
    assert paged_format(io.BytesIO(b"no image")) == ""
    moves = several("GIF")
    assert [can_hold(kind, moves) for kind in ("WEBP", "PNG", "TIFF", "JPEG")] == [
        *(True, True, False, False)
    ]


def test_what_moves_too_much_is_refused():
    file = several("GIF", frames(4, (100, 100)))
    with pytest.raises(ValueError, match="4 pages or frames, are more than the limit"):
        list(open_pages(file, max_pixels=20_000))
    file = several("TIFF", frames(4, (100, 100)))
    assert len(list(open_pages(file, max_pixels=20_000))) == 4


def test_pixels_of_a_moving_gif_are_there_or_not(tmp_path):
    fading = []
    for frame in frames():
        faded = frame.convert("RGBA")
        faded.putalpha(Image.linear_gradient("L").resize(faded.size))
        fading.append(faded)
    out = tmp_path / "out.gif"
    notes = save_pages(fading, out)
    assert len(notes) == len(set(notes)) == 2
    assert "half-transparent" in notes[1]
    with Image.open(out) as written:
        for n, frame in enumerate(fading):
            written.seek(n)
            there = np.asarray(written.convert("RGBA"))[..., 3] > 127
            assert (there == (np.asarray(frame)[..., 3] > 127)).all()


def test_a_tiff_that_would_be_too_large_is_told_in_one_sentence():
    with pytest.raises(ValueError, match="a TIFF holds 4 GiB at most"), within_tiff():
        struct.pack("<L", 2**32)  # what Pillow does with a place beyond
