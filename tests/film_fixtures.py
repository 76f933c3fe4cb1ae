"""What the tests of films share: a clip of the project's photos, as a file."""

import av
import numpy as np
import pytest
from PIL import Image

PHOTOS = ("cat-chelsea", "lake-pavilion")
SIDES = (96, 64)


def pan(name, frames, step=1, grain=3.0):
    """Frames of a camera that pans over a photo of the project, with grain."""
    rng = np.random.default_rng(0)
    wide = (SIDES[0] + step * frames, SIDES[1])
    gray = np.asarray(Image.open(f"data/photos/{name}.jpg").convert("L").resize(wide))
    for n in range(frames):
        seen = gray[:, n * step : n * step + SIDES[0]]
        seen = seen + rng.normal(0, grain, seen.shape)
        yield Image.fromarray(seen.clip(0, 255).round().astype(np.uint8))


@pytest.fixture(scope="module", name="frames")
def fixture_frames():
    """Two scenes of eight frames."""
    return [frame for name in PHOTOS for frame in pan(name, 8)]


def write(path, frames, sound="aac"):
    """Write a film with a tone."""
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=12)
        video.width, video.height = frames[0].size
        video.pix_fmt = "yuv420p"
        if sound:
            voice = target.add_stream(sound, rate=8000, layout="mono")
        for frame in frames:
            target.mux(video.encode(av.VideoFrame.from_image(frame.convert("RGB"))))
        target.mux(video.encode())
        if sound:
            add_tone(target, voice)
    return path


def add_tone(target, voice):
    tone = (np.sin(np.arange(8000) / 20) * 8000).astype(np.int16)[None]
    heard = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
    heard.sample_rate, heard.pts = 8000, 0
    target.mux(voice.encode(heard))
    target.mux(voice.encode())


def read(path):
    """Return the pictures' times and pixels, and the packets of sound."""
    with av.open(str(path)) as source:
        seen = [(f.time, np.asarray(f.to_image())) for f in source.decode(video=0)]
    with av.open(str(path)) as source:
        packets = [p for p in source.demux() if p.stream.type == "audio" and p.size]
        heard = [(float(p.pts * p.time_base), bytes(p)) for p in packets]
    return *zip(*seen, strict=True), heard


@pytest.fixture(scope="module", name="film")
def fixture_film(frames, tmp_path_factory):
    return write(tmp_path_factory.mktemp("film") / "film.mp4", frames)
