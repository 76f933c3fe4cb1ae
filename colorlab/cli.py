"""The command `colorlab`: parse, call one function, print."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from colorlab.colorize import colorize as colorize_image
from colorlab.datasets.batches import image_batches
from colorlab.datasets.download import get_data
from colorlab.datasets.images import IMAGE_SUFFIXES
from colorlab.datasets.shards import PER_SHARD, write_shards
from colorlab.datasets.sources import find_images, is_image, list_files
from colorlab.decode import T_PAPER
from colorlab.evaluate.measure import SIZE, evaluate_images
from colorlab.evaluate.report import write_scores, write_sheet
from colorlab.lab import rgb_to_lab
from colorlab.losses import logit_adjustment
from colorlab.network import ColorNet, layer_table
from colorlab.prior import count_bins, load_prior, save_counts, smooth_prior
from colorlab.quantize import bin_centers
from colorlab.train.config import PRESETS, TrainConfig
from colorlab.train.diagnostics import ADVICE
from colorlab.train.loop import train as run_training
from colorlab.train.run import Stopped
from colorlab.weights import ASSETS, load_model, load_pretrained, save_model
from colorlab.weights import calibrate as calibrate_network

LISTED = 5  # skipped photos
STOPPED = 130  # exit code after Ctrl-C, as shells have it
RESTART_ADVICE = (
    "colorlab: if a process dies, the others may wait for ever: stop, set "
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 and use torchrun --standalone, or "
    "--rdzv-backend c10d on several machines"
)
MEASURE_NAMES = {
    "auc": "AuC %",
    "auc_rebalanced": "rebalanced AuC %",
    "auc_rebalanced_raw": "... no floor under p",
    "auc_rebalanced_by_photo": "... photo by photo",
    "psnr": "PSNR dB",
    "colorfulness": "colorfulness",
    "chroma": "mean chroma",
}

app = typer.Typer(
    help="Color gray photographs, and train the networks that do it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

ModelName = Annotated[
    str, typer.Argument(help="A shipped network's name, a file, or a run's folder.")
]


def main() -> None:
    """Run the command; what the user can mend is one line, not a traceback."""
    try:
        app()
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"colorlab: {error}", file=sys.stderr)
        raise SystemExit(2) from error


@app.command()
def colorize(
    images: Annotated[list[Path], typer.Argument(metavar="IN...", help="Photos.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="A folder, or for one photo a file.")
    ],
    temperature: Annotated[
        float | None, typer.Option(help="Low is vivid, 1 is cautious.")
    ] = None,
    model: Annotated[str, typer.Option(help="A shipped name, or a file.")] = "flagship",
    size: Annotated[
        int | None, typer.Option(help="Shorter side, as the network sees it.")
    ] = None,
) -> None:
    """Color photos. Folders among IN are searched for images."""
    paths = [p for image in images for p in _photos_in(image)]
    to_file = len(images) == 1 and out.suffix.lower() in IMAGE_SUFFIXES
    if to_file and not images[0].is_dir():
        targets = [out]
    else:
        targets = [out / path.with_suffix(".png").name for path in paths]
    if len(set(targets)) < len(targets):
        raise ValueError("IN must have different names, as they go to one folder")
    if {p.resolve() for p in paths} & {t.resolve() for t in targets}:
        raise ValueError(f"out must not overwrite a photo of IN; {out} would")
    network = _load(model)
    failed = []
    for path, target in zip(tqdm(paths, disable=None), targets, strict=True):
        try:
            picture = colorize_image(path, network, temperature, size)
            _save_picture(picture, target)
        except ValueError as error:
            failed.append(path)
            tqdm.write(f"colorlab: {error}", file=sys.stderr)
    done = len(paths) - len(failed)
    print(f"{done} of {len(paths)} colored, in {out}")
    if failed:
        raise SystemExit(2)


def _photos_in(image: Path) -> list[Path]:
    """List the images below a folder; what is no folder is taken as a photo."""
    if not image.is_dir():
        return [image]
    names = sorted(filter(is_image, list_files(image)))
    if not names:
        raise ValueError(f"IN must be photos or folders of photos; none in {image}")
    return [image / name for name in names]


def _save_picture(picture: object, target: Path) -> None:
    """Write through a partial file, so that a crash leaves no half picture."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix.lower() in (".jpg", ".jpeg", ".bmp"):
        picture = picture.convert("RGB")  # these cannot hold transparency
    partial = target.with_name(f".partial-{target.name}")
    try:
        picture.save(partial, quality=95)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="imagenette or tiny-imagenet")],
    archive: Annotated[
        Path | None, typer.Option("--from", help="A local archive to unpack.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The folder to put it in.")] = None,
) -> None:
    """Download a data set, or unpack a local archive of it."""
    folder = get_data(name, archive, to, progress=lambda m: tqdm(m, unit=" files"))
    for split in ("train", "val"):
        try:
            print(f"{len(find_images(folder, split)):7} {split} photos in {folder}")
        except ValueError:
            print(f"{0:7} {split} photos in {folder}")


@data_app.command("shard")
def data_shard(
    data: Annotated[str, typer.Argument(help="A folder or an archive.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A new folder.")],
    split: Annotated[str, typer.Option(help="train or val.")] = "train",
    per_shard: Annotated[int, typer.Option(help="Photos in a tar file.")] = PER_SHARD,
    shorter: Annotated[
        int, typer.Option(help="Shrink photos to this shorter side; 0: none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Decides the order.")] = 0,
) -> None:
    """Pack photos into tar files (webdataset's shards) with an index."""
    photos = find_images(data, split, _watch_members)
    skipped = write_shards(photos, out, per_shard, shorter, seed, _watch_photos)
    print(f"{len(photos) - len(skipped)} photos packed, in {out}")
    _tell_skipped(skipped)


@app.command()
def prior(
    data: Annotated[str, typer.Argument(help="A folder, archive or shards.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The table to write.")],
    size: Annotated[
        int, typer.Option(help="Photos are cut square, at this size.")
    ] = 64,
) -> None:
    """Count how often each color occurs in a set of photos."""
    photos, centers, skipped = (
        find_images(data, progress=_watch_members),
        bin_centers(),
        {},
    )
    batches = image_batches(photos, size, 64, skipped, _watch_photos)
    counts = count_bins((rgb_to_lab(rgb)[:, 1:] for rgb in batches), centers)
    counted = len(photos) - len(skipped)
    note = (
        f"Pixels in each color bin: {counted} photos of {Path(data).name}, "
        f"{size} pixels"
    )
    save_counts(counts, centers, out, note)
    print(f"{int(counts.sum())} pixels counted, in {out}")
    _tell_skipped(skipped)


def _watch_members(members: Iterable) -> Iterable:
    return tqdm(members, unit=" files", disable=None)


def _watch_photos(numbers: Iterable) -> Iterable:
    return tqdm(numbers, unit=" photos", disable=None)


def _tell_skipped(skipped: dict[str, str]) -> None:
    """List photos that could not be read: the first few, and how many."""
    if not skipped:
        return
    print(f"{len(skipped)} photos could not be read and were skipped:", file=sys.stderr)
    for name, reason in [*skipped.items()][:LISTED]:
        print(f"  {name}: {reason}", file=sys.stderr)
    if len(skipped) > LISTED:
        print(f"  and {len(skipped) - LISTED} more", file=sys.stderr)


@app.command()
def train(  # noqa: PLR0913 - one argument an option
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Folders, archives, shards; DATA@SIZE."),
    ],
    out: Annotated[Path, typer.Option(help="The run's folder.")],
    preset: Annotated[
        str, typer.Option(help=f"One of {', '.join(PRESETS)}.")
    ] = "laptop",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from there.")] = False,
    init: Annotated[
        str | None, typer.Option(help="Start from this network's weights.")
    ] = None,
    val_data: Annotated[
        str | None, typer.Option(help="Images to measure and show at each save.")
    ] = None,
    width: int | None = None,
    variant: Annotated[str | None, typer.Option(help="paper or released.")] = None,
    loss: Annotated[str | None, typer.Option(help="rebal, class or l2.")] = None,
    lam: float | None = None,
    prior: Annotated[
        str | None, typer.Option(help="A table that `colorlab prior` wrote.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="mean or point.")] = None,
    skip_gray: bool | None = None,
    size: Annotated[int | None, typer.Option(help="Pixels, a multiple of 8.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Photos, over all processes.")
    ] = None,
    grad_accum_steps: Annotated[
        int | None, typer.Option(help="Parts of a batch, to save memory.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="In all, also after a resume.")
    ] = None,
    lr: float | None = None,
    warmup: Annotated[int | None, typer.Option(help="Steps.")] = None,
    cooldown: Annotated[float | None, typer.Option(help="Share of the steps.")] = None,
    clip: Annotated[float | None, typer.Option(help="Largest gradient norm.")] = None,
    ema_decay: Annotated[
        float | None, typer.Option(help="Average weights, say 0.998; 0: no.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto, no, fp16 or bf16.")
    ] = None,
    seed: int | None = None,
    save_every: Annotated[int | None, typer.Option(help="Steps.")] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that read.")] = None,
) -> None:
    """Train a network. Options left out are the preset's."""
    given = locals()
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {[*PRESETS]}, got {preset!r}")
    names = {field.name for field in fields(TrainConfig)}
    changes = {k: v for k, v in given.items() if k in names and v is not None}
    config = replace(PRESETS[preset], **changes)
    first = int(os.environ.get("RANK", 0)) == 0  # torchrun's; one process shows
    if first and _restarts_may_hang(os.environ):
        print(RESTART_ADVICE, file=sys.stderr)
    with tqdm(
        total=config.steps, unit=" steps", disable=None if first else True
    ) as bar:
        try:
            network = run_training(
                [_data_and_size(name) for name in data],
                out,
                config,
                resume,
                _load(init) if init else None,
                val_data,
                on_step=partial(_show_step, bar, set()),
            )
        except Stopped as stopped:
            print(f"colorlab: {stopped}; --resume goes on from there", file=sys.stderr)
            raise SystemExit(STOPPED) from None
    if first:
        print(f"{network.card['steps']} steps, network in {out / 'model.safetensors'}")
        skipped = out / "skipped.json"
        _tell_skipped(json.loads(skipped.read_text()) if skipped.is_file() else {})


def _restarts_may_hang(environ: Mapping[str, str]) -> bool:
    """Tell if torchrun would let new processes find the addresses of dead ones."""
    restarts = int(environ.get("TORCHELASTIC_MAX_RESTARTS", 0)) > 0
    return restarts and environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _data_and_size(text: str) -> tuple[str, int | None]:
    name, at, size = text.rpartition("@")
    return (name, int(size)) if at and size.isdigit() else (text, None)


def _show_step(bar: tqdm, told: set[str], step: int, record: dict | None) -> None:
    """Move the bar; name a trouble once, when it begins."""
    bar.update(step - bar.n)
    if record is None:
        return
    rate = record["photos"] / record["seconds"]
    bar.set_postfix_str(
        f"loss {record['loss']:.3f}, chroma {record['chroma']:.0f} of "
        f"{record['true_chroma']:.0f}, {rate:.0f} photos/s",
        refresh=False,
    )
    trouble = record["trouble"]
    if trouble and trouble not in told:
        tqdm.write(f"step {step}: {trouble}: {ADVICE[trouble]}", file=sys.stderr)
    told.clear()
    told.update({trouble} if trouble else ())


@app.command()
def evaluate(
    model: ModelName,
    data: Annotated[
        str, typer.Argument(help="A folder, archive or shards; val/ if there is one.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write figures, as JSON, and OUT.html."),
    ] = None,
    temperature: float = T_PAPER,
    size: Annotated[int, typer.Option(help="Pixels, a multiple of 8.")] = SIZE,
    against: Annotated[
        str | None, typer.Option(help="Another network, to compare with.")
    ] = None,
) -> None:
    """Measure a network on photos, beside leaving them gray."""
    if out and not out.parent.is_dir():
        raise ValueError(f"out must be in a folder that exists, got {out}")
    network = _load(model)
    photos, skipped = find_images(data, "val", _watch_members), {}
    scores = evaluate_images(
        network,
        photos,
        temperature,
        size,
        progress=_watch_photos,
        skipped=skipped,
        against=_load(against) if against else None,
    )
    about = {"model": model, "data": Path(data).name}
    about |= {"photos": len(photos) - len(skipped), "T": temperature, "size": size}
    if against:
        about["other"] = against
    title = f"{model}, {about['photos']} photos of {about['data']}, T = {temperature}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    shown = [row for row in scores if not (against and row in ("gray", "truth"))]
    for row in shown:
        table.add_column(row, justify="right", overflow="fold")
    for measure, told in MEASURE_NAMES.items():
        values = (scores[row][measure] for row in shown)
        table.add_row(told, *(f"{v:.2f}\n{a:.2f}..{b:.2f}" for v, a, b in values))
    Console().print(table)
    print("Below: 95 % intervals, by resampling the photos. Gain: over gray.")
    if against:
        print(f"Other: {against}. Lead: over it, on the same photos.")
    _tell_skipped(skipped)
    if out:
        write_scores(out, about, scores)
        write_sheet(out.with_suffix(".html"), network, photos, about, scores)
        print(f"Figures in {out}, photos in {out.with_suffix('.html')}")


@app.command()
def calibrate(
    model: ModelName,
    data: Annotated[
        list[str], typer.Argument(help="Folders, archives or shards; train/ of each.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    size: Annotated[int, typer.Option(help="Pixels, a multiple of 8.")] = SIZE,
    photos: Annotated[int, typer.Option(min=1, help="Of each data set.")] = 640,
) -> None:
    """Measure batch norm's statistics anew, at the size of the photos to color."""
    if not out.parent.is_dir():
        raise ValueError(f"out must be in a folder that exists, got {out}")
    network, skipped, streams = _load(model), {}, []
    for path in data:
        found = find_images(path, "train", _watch_members)
        found = replace(found, place=found.place[:: max(1, len(found) // photos)])
        found = replace(found, place=found.place[:photos])
        streams.append(image_batches(found, size, 32, skipped, _watch_photos))
    turns = zip_longest(*streams)  # a batch of each data set in turn
    batches = (rgb for turn in turns for rgb in turn if rgb is not None)
    calibrate_network(network, (rgb_to_lab(rgb)[:, :1] for rgb in batches))
    _tell_skipped(skipped)
    names = [Path(path).name for path in data]
    save_model(network, out, calibrated={"data": names, "size": size, "photos": photos})
    print(f"The network is in {out}")


@app.command()
def export(
    model: ModelName,
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    card: Annotated[
        Path | None, typer.Option(help="JSON to add to the network's card.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="In a quarter of the space, for a page.")
    ] = False,
    lam: Annotated[
        float | None, typer.Option(help="Tilt it as if trained with this lambda.")
    ] = None,
) -> None:
    """Write a network in half precision, to ship it."""
    about = json.loads(card.read_text()) if card else {}
    network = _load(model)
    if lam is not None:
        _tilt(network, lam)
        about["lam"] = lam
    save_model(network, out, dtype=torch.int8 if int8 else torch.float16, **about)
    print(f"{out.stat().st_size / 1e6:.1f} MB in {out}")


@app.command()
def info(model: ModelName = "flagship") -> None:
    """Show a network's card and layers."""
    network = _load(model)
    print(json.dumps(network.card, indent=2))
    title = f"width {network.width}, {network.variant}, for 224 x 224 pixels"
    table = Table(title=title, box=None)
    rows = layer_table(network)
    for heading in "layer X C S D Sa De BN L parameters MMAC sees".split():
        table.add_column(heading, no_wrap=True, justify="right")
    for row in rows:
        table.add_row(
            *(row.name, str(row.X), str(row.C)),
            *(f"{number:g}" for number in (row.S, row.D, row.Sa, row.De)),
            *("yes" if mark else "" for mark in (row.BN, row.L)),
            *(f"{number:,}" for number in (row.parameters, row.macs // 10**6)),
            str(row.receptive_field),
        )
    Console().print(table)
    macs, parameters = sum(r.macs for r in rows), sum(r.parameters for r in rows)
    print(f"{parameters:,} parameters, {macs / 1e9:.2f} billion multiply-adds")


def _tilt(network: ColorNet, lam: float) -> None:
    """Have a network answer as if trained with another lambda, in place."""
    config = network.card.get("config", {})
    if network.head != "bins" or "lam" not in config:
        raise ValueError(
            "lam must be left out for a network that gives no distribution, or whose "
            "card does not say with which lambda it was trained"
        )
    trained = config["lam"] if config["loss"] == "rebal" else 1.0
    p = smooth_prior(load_prior(config["prior"]), bin_centers())
    network.output.bias.data += logit_adjustment(
        p, lam, network.card.get("lam", trained)
    ).float()


def _load(model: str) -> ColorNet:
    """Load a shipped network, a file, or what a run's folder holds."""
    if (ASSETS / f"{model}.safetensors").is_file():
        return load_pretrained(model)
    result = Path(model, "model.safetensors")
    return load_model(result if Path(model).is_dir() else model)
