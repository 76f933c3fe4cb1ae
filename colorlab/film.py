"""Film: distributions averaged along time, so that colors do not flicker.

A network colors each frame by itself, and where two colors are about as likely, a
little grain decides between them, each time anew. An average of colors would be a dull
color in between. Here the distributions are averaged, and one color is taken from their
mean. Nothing follows what moves: where lightness changes, a place starts anew.
"""

import io
import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, avg_pool2d, pad

from colorlab.colorize import output_to_ab
from colorlab.decode import annealed_mean
from colorlab.files import lock_file, whole_file
from colorlab.transfer import Network

MEMORY = 0.9  # of the mean: what is left of a frame after the next; ten frames, about
MOVED = 6.0  # L units, mean over a cell: there, a place starts anew
STILL = 3.0  # L units, mean over a cell: below it a place is still, but for grain
CUT = 0.3  # share of the lightness histogram that another scene has elsewhere
HISTOGRAM_BINS = 16
SAVED_EVERY = 25  # frames
LEAST = 1e-12  # probability; the logarithm of 0 would be infinite


class Flicker(NamedTuple):
    """How far colors move where nothing does, in ab units from frame to frame."""

    alone: float  # each frame by itself
    averaged: float


def is_cut(before: Tensor, after: Tensor) -> bool:
    """Return whether two frames belong to different scenes (book chapter: film).

    Parameters
    ----------
    before, after : Tensor, shape (1, 1, H, W)
        Lightness of a frame and of the next.

    Returns
    -------
    bool
        True if more than 0.3 of the pixels would have to change their lightness, among
        16 steps, to make the histogram of one that of the other; or the size differs.

    Examples
    --------
    >>> dark, light = torch.full((1, 1, 8, 8), 20.0), torch.full((1, 1, 8, 8), 80.0)
    >>> is_cut(dark, dark + 1), is_cut(dark, light)
    (False, True)
    """
    if before.shape != after.shape:
        return True
    change = _histogram(after) - _histogram(before)
    # Neighbors share, so that a light that breathes is no cut.
    moved = avg_pool1d(pad(change[None], (1, 1), mode="replicate"), 3, stride=1)
    return float(moved.abs().sum() / 2) > CUT * before.numel()


def _histogram(L: Tensor) -> Tensor:
    """Share each pixel between the two steps it is nearest to: none has an edge."""
    place = (L.float().cpu().flatten() / 100 * HISTOGRAM_BINS - 0.5).clamp(min=0)
    below = place.long().clamp(max=HISTOGRAM_BINS - 2)
    share = (place - below).clamp(max=1)
    counts = torch.bincount(below, 1 - share, HISTOGRAM_BINS)
    return counts + torch.bincount(below + 1, share, HISTOGRAM_BINS)


class Steady:
    """The mean of a film's distributions, frame after frame (book chapter: film).

    Parameters
    ----------
    memory : float
        What the mean keeps of itself at each frame, from 0 (nothing) to below 1.

    Attributes
    ----------
    cuts : list of int
        Frames at which a scene begins, the first one apart.
    frames : int
        How many were seen.

    Raises
    ------
    ValueError
        If `memory` is out of range.

    Examples
    --------
    >>> from colorlab import load_pretrained
    >>> steady, model = Steady(), load_pretrained("tiny")
    >>> with torch.inference_mode():
    ...     for shade in (20.0, 21.0, 80.0):
    ...         ab = steady.predict(model, torch.full((1, 1, 16, 16), shade), 0.38)
    >>> ab.shape, steady.cuts
    (torch.Size([1, 2, 4, 4]), [2])
    """

    def __init__(self, memory: float = MEMORY) -> None:
        if not 0 <= memory < 1:
            raise ValueError(f"memory must be from 0 to below 1, got {memory}")
        self.memory, self.frames = memory, 0
        self.cuts: list[int] = []
        self.last: tuple[Tensor, ...] = ()  # L, mean, ab alone, ab averaged
        self.moved = [0.0, 0.0, 0.0]  # sums: alone, averaged, still places

    @torch.no_grad()
    def predict(self, model: Network, L: Tensor, T: float) -> Tensor:
        """Color the next frame; `colorlab.colorize.colorize` takes it as `predict`.

        Parameters
        ----------
        model : Network
            In eval mode. Of one that returns ab, the ab are averaged.
        L : Tensor, shape (1, 1, H, W)
            Lightness of the next frame.
        T : float
            Temperature of the annealed mean.

        Returns
        -------
        Tensor, shape (1, 2, h, w)
            ab in Lab units.
        """
        output = model(L)
        bins = model.head == "bins"
        mean = output.softmax(dim=1) if bins else output
        alone = output_to_ab(model, output, T)
        begins = not self.last or is_cut(self.last[0], L)
        if not begins:
            before, old = self.last[:2]
            change = avg_pool2d((L - before).abs(), L.shape[-1] // mean.shape[-1])
            keep = self.memory * (change < MOVED).to(mean)
            mean = keep * old + (1 - keep) * mean
        ab = mean
        if bins:
            ab = annealed_mean(mean.clamp(min=LEAST).log(), model.centers, T)
        if not begins:
            self._count(change < STILL, alone, ab)
        elif self.frames:
            self.cuts.append(self.frames)
        self.last, self.frames = (L, mean, alone, ab), self.frames + 1
        return ab

    def _count(self, still: Tensor, alone: Tensor, ab: Tensor) -> None:
        """Add up how far the colors of still places have moved."""
        moves = [alone - self.last[2], ab - self.last[3]]
        sums = [(move.norm(dim=1, keepdim=True) * still).sum() for move in moves]
        for place, one in enumerate([*sums, still.sum()]):
            self.moved[place] += float(one)

    def flicker(self) -> Flicker:
        """Return how far the colors of still places have moved, so far.

        Returns
        -------
        Flicker
            Mean over still places (below 3 units of lightness from frame to frame) and
            frames; nan if nothing was still.
        """
        *sums, places = self.moved
        return Flicker(*(one / places if places else math.nan for one in sums))


class Colors:
    """The ab of a film's frames in a folder, so that work that was stopped goes on.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    made : str
        What decides the colors; what another left in `folder` is not used.
    memory : float
        As for `Steady`.

    Attributes
    ----------
    steady : Steady
        What colors the frames that are not in the folder.
    known : int
        Frames whose colors were in the folder at the start.

    Raises
    ------
    ValueError
        If another process uses the folder.
    """

    def __init__(self, folder: Path, made: str, memory: float = MEMORY) -> None:
        self.folder, self.made = folder, made
        self.steady, self.known = Steady(memory), 0
        self.place = 0
        folder.mkdir(exist_ok=True)
        self.lock = open(folder / "lock", "a+")
        try:
            lock_file(self.lock)
        except (BlockingIOError, PermissionError) as error:
            self.lock.close()
            raise ValueError(
                "out must not be in use; another process makes it"
            ) from error
        self._read_state()
        self.file = open(folder / "ab", "r+b" if self.known else "w+b")

    def predict(self, model: Network, L: Tensor, T: float) -> Tensor:
        """Return the ab of the next frame: from the folder, else from the network."""
        if self.place < self.known:
            ab = torch.load(io.BytesIO(self._read_record()), weights_only=True)
        else:
            ab = self.steady.predict(model, L, T).half().cpu()
            self._write_record(ab.clone())
        self.place += 1
        if self.place > self.known and self.place % SAVED_EVERY == 0:
            self._save_state()
        return ab.float()

    def close(self) -> None:
        """Close the file; the folder stays, for another time."""
        self.file.close()
        self.lock.close()

    def remove(self) -> None:
        """Remove the folder: the film is done."""
        self.close()
        for name in ("ab", "state", "lock"):
            (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # what another has put there stays
            self.folder.rmdir()

    def _read_record(self) -> bytes:
        length = int.from_bytes(self.file.read(4), "big")
        return self.file.read(length)

    def _write_record(self, ab: Tensor) -> None:
        buffer = io.BytesIO()
        torch.save(ab, buffer)
        record = buffer.getvalue()
        self.file.write(len(record).to_bytes(4, "big") + record)

    def _save_state(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        steady = self.steady
        about = [self.made, steady.frames, steady.cuts, steady.moved, self.file.tell()]
        state = io.BytesIO()  # torch.save tells a full disk by an error of its own
        torch.save({"about": json.dumps(about), "last": steady.last}, state)
        with whole_file(self.folder / "state") as file:
            file.write(state.getvalue())

    def _read_state(self) -> None:
        """Go on from the last frame saved, if it was made in the same way."""
        try:
            state = torch.load(self.folder / "state", weights_only=True)
            made, frames, cuts, moved, end = json.loads(state["about"])
            if made != self.made or (self.folder / "ab").stat().st_size < end:
                return
            os.truncate(self.folder / "ab", end)
        except Exception:  # none, or damaged: torch raises many kinds
            return
        self.steady.frames, self.steady.cuts = frames, cuts
        self.steady.moved, self.steady.last = moved, tuple(state["last"])
        self.known = frames
