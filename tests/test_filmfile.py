"""Films read and written: sound and times as they were, and what is broken."""

import contextlib
import errno
import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from film_fixtures import (  # noqa: F401 (fixtures are used by name)
    SIDES,
    add_tone,
    fixture_film,
    fixture_frames,
    pan,
    read,
    write,
)
from PIL import Image

from colorlab.filmfile import color_film


def test_sound_and_times_are_kept(film, tmp_path):
    def paint(picture):
        return Image.new("RGB", picture.size, (200, 60, 40))

    for suffix in (".mp4", ".mkv", ".MOV"):
        out = tmp_path / f"red{suffix}"
        assert color_film(film, out, paint) == 16
        (times, pictures, heard), (before, _, sound) = read(out), read(film)
        assert len(sound) > 3
        assert [packet for _, packet in heard] == [packet for _, packet in sound]
        # Matroska has no times below 0, where AAC begins: there, all come later.
        late = times[0] - before[0]
        assert late < 0.2
        assert np.subtract(times, late) == pytest.approx(before, abs=2e-3)
        shifted = [time - late for time, _ in heard]
        assert shifted == pytest.approx([time for time, _ in sound], abs=2e-3)
        assert abs(pictures[5].astype(int) - (200, 60, 40)).max() < 5, suffix


def test_lightness_of_pictures_is_kept(film, frames, tmp_path):
    color_film(film, tmp_path / "same.mp4", lambda picture: picture)
    _, pictures, _ = read(tmp_path / "same.mp4")
    _, before, _ = read(film)
    off = [abs(a.astype(int) - b) for a, b in zip(pictures, before, strict=True)]
    assert np.mean(off) < 3  # of 255; what H.264 loses twice


def test_odd_sizes_and_films_without_sound(tmp_path):
    frames = [frame.resize((65, 63)) for frame in pan("dahlia", 3)]
    with av.open(str(tmp_path / "odd.mkv"), "w") as target:
        video = target.add_stream("ffv1", rate=5)
        video.width, video.height, video.pix_fmt = 65, 63, "bgr0"
        for frame in frames:
            made = av.VideoFrame.from_image(frame.convert("RGB"))
            target.mux(video.encode(made.reformat(format="bgr0")))
        target.mux(video.encode())
    assert color_film(tmp_path / "odd.mkv", tmp_path / "o.webm", lambda p: p) == 3
    _, pictures, heard = read(tmp_path / "o.webm")
    assert pictures[0].shape == (63, 65, 3)
    assert not heard


def lay_down(film, path, turn):
    """A film whose matrix turns it counterclockwise when shown, as of a phone."""
    content, one = bytearray(film.read_bytes()), 1 << 16
    c, s = {90: (0, -one), 180: (-one, 0), -90: (0, one)}[turn]
    start = content.index(b"tkhd") + 4 + 40  # ISO 14496-12: the matrix of the track
    struct.pack_into(">9i", content, start, c, s, 0, -s, c, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_films_of_phones_are_turned(film, frames, tmp_path, turn):
    lying, sizes = lay_down(film, tmp_path / "lying.mp4", turn), set()

    def same(picture):
        sizes.add(picture.size)
        return picture

    color_film(lying, tmp_path / "same.mp4", same)
    _, pictures, _ = read(tmp_path / "same.mp4")
    expected = frames[5].convert("RGB").rotate(turn, expand=True)
    assert sizes == {expected.size}
    assert abs(pictures[5].astype(int) - np.asarray(expected)).mean() < 4
    with av.open(str(tmp_path / "same.mp4")) as written:
        assert next(written.decode(video=0)).rotation == 0


def broken_films(film, tmp_path):
    content = film.read_bytes()
    yield "no.mp4", b"no film at all", "is no whole film"
    yield "empty.mp4", b"", "is no whole film"
    yield "half.mp4", content[: len(content) // 2], "is no whole film"
    noise = np.random.default_rng(0).bytes(len(content) // 4)
    middle = len(content) // 8
    damaged = content[:middle] + noise + content[middle + len(noise) :]
    yield "damaged.mp4", damaged, "is no whole film"


def test_broken_films_are_told_in_one_sentence(film, tmp_path):
    for name, content, said in broken_films(film, tmp_path):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=said) as told:
            color_film(tmp_path / name, tmp_path / "out.mp4", lambda picture: picture)
        assert name in str(told.value)
        assert "\n" not in str(told.value)
        assert not (tmp_path / "out.mp4").exists()
    with pytest.raises(ValueError, match="there is none at"):
        color_film(tmp_path / "away.mp4", tmp_path / "out.mp4", lambda p: p)
    with pytest.raises(ValueError, match="must end in one of .mp4"):
        color_film(film, tmp_path / "out.gif", lambda p: p)
    with pytest.raises(ValueError, match=r"cannot hold the sound .* \(aac\) as .webm"):
        color_film(film, tmp_path / "out.webm", lambda p: p)
    heard = tmp_path / "heard.mp4"
    with av.open(str(heard), "w") as target:
        add_tone(target, target.add_stream("aac", rate=8000, layout="mono"))
    with pytest.raises(ValueError, match="has no pictures"):
        color_film(heard, tmp_path / "out.mp4", lambda p: p)
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_full_disk_is_not_the_fault_of_the_film(film, tmp_path, monkeypatch):
    """FFmpeg tells an error in writing by one of its own, at the end of an MP4."""

    class Full(io.BytesIO):
        room = 1000

        def write(self, content):
            self.room -= len(content)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content)

    monkeypatch.setattr(
        "colorlab.filmfile.whole_file", lambda out: contextlib.nullcontext(Full())
    )
    for suffix in (".mp4", ".mkv"):
        with pytest.raises(OSError, match="No space left on device"):
            color_film(film, tmp_path / f"out{suffix}", lambda picture: picture)


def test_films_joined_end_to_end_go_on(frames, tmp_path):
    """Times start again in the second; nothing is lost, and its sound follows."""
    part = write(tmp_path / "part.ts", frames)
    twice = tmp_path / "twice.ts"
    twice.write_bytes(part.read_bytes() * 2)
    shown = []

    def look(picture):
        shown.append(np.asarray(picture.convert("L")).mean())
        return picture

    assert color_film(twice, tmp_path / "out.mkv", look) == 2 * len(frames)
    assert shown[: len(frames)] == pytest.approx(shown[len(frames) :], abs=0.5)
    color_film(part, tmp_path / "once.mkv", lambda picture: picture)
    times, pictures, heard = read(tmp_path / "out.mkv")
    _, _, sound = read(tmp_path / "once.mkv")
    assert len(pictures) == 2 * len(frames)
    steps = np.diff(times)
    assert np.delete(steps, len(frames) - 1) == pytest.approx(1 / 12, abs=2e-3)
    assert 1 / 13 < steps[len(frames) - 1] < 0.5  # at the join: until the sound ends
    assert [packet for _, packet in heard] == 2 * [packet for _, packet in sound]
    assert (np.diff([time for time, _ in heard]) > 0).all()


def test_languages_chapters_and_attachments_are_kept(frames, tmp_path):
    path, out = tmp_path / "wedding: 1926.mkv", tmp_path / "out.mkv"
    with av.open(f"file:{path}", "w") as target:
        video = target.add_stream("libx264", rate=12)
        video.width, video.height = SIDES
        voice = target.add_stream("aac", rate=8000, layout="mono")
        voice.metadata.update({"language": "deu", "title": "Ton"})
        target.add_attachment("font.ttf", "font/ttf", b"letters")
        part = {"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000)}
        target.set_chapters([part | {"metadata": {"title": "Church"}}])
        for frame in frames[:4]:
            target.mux(video.encode(av.VideoFrame.from_image(frame.convert("RGB"))))
        target.mux(video.encode())
        add_tone(target, voice)
    assert color_film(path, out, lambda picture: picture) == 4
    with av.open(str(out)) as source:
        (sound,) = source.streams.audio
        assert (sound.language, sound.metadata["title"]) == ("deu", "Ton")
        assert [each["metadata"]["title"] for each in source.chapters()] == ["Church"]
        (kept,) = [s for s in source.streams if s.type == "attachment"]
        assert (kept.name, kept.data) == ("font.ttf", b"letters")


def test_a_phones_date_and_place_are_kept(frames, tmp_path):
    path, out = tmp_path / "phone.mov", tmp_path / "out.mov"
    told = {"com.apple.quicktime.creationdate": "2019-05-01T12:00:00+0200"}
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(path), "w", options=options) as target:
        target.metadata.update(told)
        video = target.add_stream("libx264", rate=12)
        video.width, video.height = SIDES
        for frame in frames[:2]:
            target.mux(video.encode(av.VideoFrame.from_image(frame.convert("RGB"))))
        target.mux(video.encode())
    color_film(path, out, lambda picture: picture, note="made up")
    with av.open(str(out)) as source:
        assert told.items() <= source.metadata.items()
        assert source.metadata["comment"] == "made up"
