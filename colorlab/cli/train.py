"""`colorlab train`: one option for each field of TrainConfig."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from colorlab.cli.messages import print_skipped
from colorlab.cli.models import load_network
from colorlab.train.config import PRESETS, TrainConfig

STOPPED = 130  # exit code after Ctrl-C, as shells have it
RESTART_ADVICE = (
    "colorlab: if a process dies, the others may wait for ever: stop, set "
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 and use torchrun --standalone, or "
    "--rdzv-backend c10d on several machines"
)


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
    from colorlab.train.loop import train as run_training
    from colorlab.train.run import Stopped

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
                load_network(init) if init else None,
                val_data,
                on_step=partial(_show_step, bar, set()),
            )
        except Stopped as stopped:
            print(f"colorlab: {stopped}; --resume goes on from there", file=sys.stderr)
            raise SystemExit(STOPPED) from None
    if first:
        print(f"{network.card['steps']} steps, network in {out / 'model.safetensors'}")
        skipped = out / "skipped.json"
        print_skipped(json.loads(skipped.read_text()) if skipped.is_file() else {})


def _restarts_may_hang(environ: Mapping[str, str]) -> bool:
    """Tell if torchrun would let new processes find the addresses of dead ones."""
    restarts = int(environ.get("TORCHELASTIC_MAX_RESTARTS", 0)) > 0
    return restarts and environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _data_and_size(text: str) -> tuple[str, int | None]:
    name, at, size = text.rpartition("@")
    return (name, int(size)) if at and size.isdigit() else (text, None)


def _show_step(bar: tqdm, told: set[str], step: int, record: dict | None) -> None:
    """Move the bar; name a trouble once, when it begins."""
    from colorlab.train.diagnostics import ADVICE

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
