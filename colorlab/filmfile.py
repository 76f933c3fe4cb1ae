"""Films read and written: pictures in color, the sound as it was (chapter: film)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from colorlab.files import whole_file

# What a film's file is called, and how FFmpeg calls it and what it can hold.
FORMATS = {
    ".mp4": ("mp4", "libx264"),
    ".m4v": ("mp4", "libx264"),
    ".mov": ("mov", "libx264"),
    ".mkv": ("matroska", "libx264"),
    ".webm": ("webm", "libvpx-vp9"),
}
READ = (*FORMATS, ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".ogv", ".wmv")
QUALITY = {"crf": "16"}  # hardly to be told from the source; x264's own choice is 23
USUAL_RATE = Fraction(25)  # pictures a second, where the file does not say
LARGEST = 8192  # pixels a side; a stranger's film must not fill memory
BT709, LIMITED = 1, 1  # FFmpeg's numbers of how colors are written
KEPT = ("audio", "subtitle")
Color = Callable[[Image.Image], Image.Image]
Progress = Callable[..., Iterable]


def is_film(path: str | Path) -> bool:
    """Return whether a file's name is that of a film.

    Parameters
    ----------
    path : str or Path
        It need not exist.

    Returns
    -------
    bool
        By its suffix.

    Examples
    --------
    >>> is_film("wedding-1926.MP4"), is_film("wedding-1926.jpg")
    (True, False)
    """
    return Path(path).suffix.lower() in READ


def color_film(
    path: str | Path,
    out: str | Path,
    color: Color,
    progress: Progress = lambda pictures, total: pictures,
    note: str = "",
) -> int:
    """Color a film's pictures, one after the other, and keep its sound.

    Parameters
    ----------
    path : str or Path
        The film; its first video stream is colored.
    out : str or Path
        The file to write: .mp4, .m4v, .mov, .mkv or .webm. It appears whole or not at
        all, and replaces what was there.
    color : callable
        Takes a picture, upright, and returns it in color, in the same size. It is
        called in the order of the film.
    progress : callable, optional
        Called as `progress(pictures, total=...)`, to wrap them in a progress bar; the
        total is about right, or None.
    note : str
        Kept in the file as its comment.

    Returns
    -------
    int
        How many pictures there were.

    Raises
    ------
    ValueError
        If `path` is no film, has no pictures or is damaged, or if `out` has another
        suffix or cannot hold the sound.
    OSError
        If `out` cannot be written.

    Notes
    -----
    Sound and subtitles are copied as they are, with their languages; so are chapters,
    and what is attached to .mkv. Each picture keeps its time. Where
    times start again, as in files of MPEG that were joined end to end, the rest follows
    what was before.
    Pictures are written in H.264 (VP9 in .webm), 8 bits, BT.709.
    """
    suffix = Path(out).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"out must end in one of {', '.join(FORMATS)}; got {out}")
    turn = _turn(Path(path))
    with _opened(Path(path)) as source, whole_file(out) as file:
        return _copy(source, file, suffix, _upright(color, turn), progress, note, turn)


def _turn(path: Path) -> int:
    """Return by how many degrees pictures are turned when shown, counterclockwise."""
    with _opened(path) as source:
        turn = next((frame.rotation for frame in source.decode(video=0)), 0)
    if turn % 90:
        raise ValueError(f"{path}: pictures must stand upright or lie, got {turn} deg")
    return turn


def _upright(color: Color, turn: int) -> Color:
    """Return what turns a picture as it is shown, and colors it."""
    return lambda picture: color(picture.rotate(turn, expand=True) if turn else picture)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a film; what FFmpeg finds wrong with it becomes one sentence."""
    import av

    if not path.is_file():
        raise ValueError(f"IN must be a film; there is none at {path}")
    try:
        with av.open(f"file:{path}") as source:  # else a colon ends a protocol
            if not source.streams.video:
                raise ValueError(f"{path} has no pictures")
            video = source.streams.video[0]
            if not 0 < max(video.width, video.height) <= LARGEST:
                side = f"{video.width} x {video.height}"
                raise ValueError(
                    f"{path}: pictures must be up to {LARGEST}, got {side}"
                )
            yield source
    except av.error.PyAVCallbackError as error:  # of the file written, not of this
        why = getattr(error.__context__, "strerror", None) or "a full disk?"
        raise OSError(f"out cannot be written to its end: {why}") from error
    except av.FFmpegError as error:
        told = error.strerror or type(error).__name__
        raise ValueError(f"{path} is no whole film that can be read: {told}") from error


def _copy(
    source: Any,
    file: BinaryIO,
    suffix: str,
    color: Color,
    progress: Progress,
    note: str,
    turn: int,
) -> int:
    """Color the pictures of an open film, copy the rest, and count the pictures."""
    import av

    container, codec = FORMATS[suffix]
    video, number = source.streams.video[0], 0
    told = source.metadata | ({"comment": note} if note else {})
    apple = any(name.startswith("com.apple.") for name in told)  # of a phone
    options = {"movflags": "use_metadata_tags"} if apple else {}
    with av.open(file, "w", format=container, options=options) as target:
        target.metadata.update(told)
        target.set_chapters(source.chapters())
        written = _video_stream(target, codec, video, turn % 180 != 0)
        copies = _started(target, source, suffix)
        total = video.frames or None
        for frame in progress(_frames(source, video, target, copies), total=total):
            target.mux(written.encode(_colored(frame, written.pix_fmt, color)))
            number += 1
        target.mux(written.encode())
    if not number:
        raise ValueError(f"{source.name.removeprefix('file:')} has no pictures")
    return number


def _video_stream(target: Any, codec: str, video: Any, lying: bool) -> Any:
    """Add the stream of colored pictures: of the same size, rate and pixel shape."""
    rate = video.average_rate or USUAL_RATE
    written = target.add_stream(codec, rate=rate, options=QUALITY)
    sides = video.width, video.height
    written.width, written.height = sides[::-1] if lying else sides
    even = video.width % 2 == video.height % 2 == 0
    written.pix_fmt = "yuv420p" if even else "yuv444p"
    context = written.codec_context
    context.time_base = video.time_base
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED
    if video.sample_aspect_ratio:
        shape = video.sample_aspect_ratio
        context.sample_aspect_ratio = 1 / shape if lying else shape
    return written


def _started(target: Any, source: Any, suffix: str) -> dict:
    """Add the streams to be copied, and begin the file."""
    import av

    try:
        kept = [stream for stream in source.streams if stream.type in KEPT]
        copies = {stream: target.add_stream_from_template(stream) for stream in kept}
        for stream, copy in copies.items():
            copy.metadata.update(stream.metadata)  # its language, for example
            copy.disposition = stream.disposition
        if FORMATS[suffix][0] == "matroska":
            for each in source.streams:
                if each.type == "attachment":  # a font, for subtitles
                    target.add_attachment(each.name, each.mimetype, each.data)
        target.start_encoding()
    except (av.FFmpegError, ValueError) as error:
        kinds = ", ".join(sorted({stream.codec_context.name for stream in kept}))
        raise ValueError(
            f"out cannot hold the sound or subtitles ({kinds}) as {suffix}; try .mkv"
        ) from error
    return copies


def _frames(source: Any, video: Any, target: Any, copies: dict) -> Iterator[Any]:
    """Yield the pictures, and copy what stands between them."""
    for packet in _running_on(source.demux(video, *copies)):
        if packet.stream is video:
            yield from packet.decode()
        elif packet.dts is not None:  # the last one of a stream is empty
            packet.stream = copies[packet.stream]
            target.mux(packet)


def _running_on(packets: Iterable[Any]) -> Iterator[Any]:
    """Yield packets, later by what was before where times start again."""
    late = [Fraction(0)]  # seconds, of each part
    part: dict[Any, int] = {}  # in which each stream is
    before: dict[Any, Fraction] = {}  # time of its last packet
    end = Fraction(0)
    for packet in packets:
        if packet.dts is not None:
            stream, time = packet.stream, packet.dts * packet.time_base
            part.setdefault(stream, 0)
            if time < before.get(stream, time):
                part[stream] += 1
            if part[stream] == len(late):
                late.append(end - time)
            before[stream] = time
            end = max(end, time + late[part[stream]] + _lasts(packet))
            for name in ("dts", "pts"):
                if (ticks := getattr(packet, name)) is not None:
                    shift = round(late[part[stream]] / packet.time_base)
                    setattr(packet, name, ticks + shift)
        yield packet


def _lasts(packet: Any) -> Fraction:
    """Return for how many seconds a packet lasts."""
    ticks = packet.duration or 1
    return ticks * packet.time_base


def _colored(frame: Any, pix_fmt: str, color: Color) -> Any:
    """Return a picture in color, at the same time."""
    import av

    picture = color(frame.to_image())
    made = av.VideoFrame.from_image(picture.convert("RGB"))
    made = made.reformat(format=pix_fmt, dst_colorspace="ITU709")
    made.pts, made.time_base = frame.pts, frame.time_base
    return made
