"""`colorlab train`: one option for each field of TrainConfig."""

import inspect
import json
import os
import shutil
import sys
import time
import warnings
from dataclasses import Field, asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from tqdm import tqdm

from colorlab.cli.messages import print_skipped
from colorlab.cli.models import load_network
from colorlab.train.config import PRESETS, TrainConfig, changed_fields

if TYPE_CHECKING:
    from colorlab.transfer import Network

STOPPED = 130  # exit code after Ctrl-C, as shells have it


def train(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA...",
            help="Folders, archives, shards; DATA@SIZE shows one at another size. "
            "With --resume they may be left out.",
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The run's folder.")],
    preset: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(PRESETS)}.", show_default="laptop"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the last checkpoint in OUT."),
    ] = False,
    init: Annotated[
        str | None,
        typer.Option(help="Start from this network: a shipped name, file or run."),
    ] = None,
    val_data: Annotated[
        str | None, typer.Option(help="Images to measure and show at each save.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="A file that says all but the options given, from images to a network "
            "with its card; DATA is the folder of its sources. It goes on by itself."
        ),
    ] = None,
    **given: Any,
) -> None:
    """Train a network. Options left out are the preset's; on --resume, the run's."""
    from colorlab.train.checkpoint import Stopped

    given = {name: value for name, value in given.items() if value is not None}
    way_on = f"colorlab train --out {out} --resume"
    try:
        if recipe is None:
            _train_once(data, out, preset, resume, init, val_data, given)
        else:
            way_on = "the same command"
            if preset or resume or init or val_data or not data or len(data) > 1:
                raise ValueError(
                    "--recipe must be given with one DATA, the folder of its sources, "
                    "and without --preset, --resume, --init and --val-data"
                )
            _follow(recipe, Path(data[0]), out, given)
    except KeyboardInterrupt as stopped:
        told = str(stopped) if isinstance(stopped, Stopped) else "stopped at once"
        print(f"colorlab: {told}; go on with: {way_on}", file=sys.stderr)
        raise SystemExit(STOPPED) from None


def _train_once(
    data: list[str] | None,
    out: Path,
    preset: str | None,
    resume: bool,
    init: str | None,
    val_data: str | None,
    given: dict,
) -> None:
    """Train by the options."""
    from colorlab.datasets.sources import data_and_size

    config = _config(out, preset, resume, init, given)
    if not (data or resume):
        raise ValueError("DATA must name the images to train on")
    sources = [data_and_size(name) for name in data] if data else None
    network = load_network(init) if init else None
    _run(sources, out, config, resume, network, val_data)


def _follow(path: Path, data: Path, out: Path, given: dict) -> None:
    """Train in the rounds of a recipe, and write its network."""
    from colorlab.train.recipe import read_recipe, ship

    recipe = read_recipe(path)
    configs = recipe.configs(**given)
    rounds = [out / f"round-{number}" for number, _ in enumerate(configs, start=1)]
    result = out / f"{recipe.name}.safetensors"
    if foreign := [p.name for p in out.glob("*") if p not in (*rounds, result)]:
        raise ValueError(f"out must hold nothing but this recipe's: {foreign[:4]}")
    beside = (data / recipe.init, path.parent / recipe.init)
    init = next((str(file) for file in beside if file.is_file()), recipe.init)
    network = load_network(init) if init else None
    val_data = str(data / recipe.val_data)
    sources = [(str(data / name), None) for name in recipe.sources]
    for run, config in zip(rounds, configs, strict=True):
        network = _run(sources, run, config, True, network, val_data)
    if network and _is_first():
        ship(network, recipe, rounds, result)
        print(f"1 network of {len(rounds)} rounds in {result}")


def _run(
    data: list | None,
    out: Path,
    config: TrainConfig,
    resume: bool,
    init: "Network | None",
    val_data: str | None,
) -> "Network":
    """Train, and show it."""
    from colorlab.train.loop import train as run_training

    if _is_first():
        _print_start(out, config)
    progress = _Progress(out, config.steps)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda text, *_, **__: progress.say(str(text))
            on_step = progress.show if _is_first() else None
            network = run_training(data, out, config, resume, init, val_data, on_step)
    finally:
        progress.close()
    if _is_first():
        _print_end(out, config.steps, network.card["steps"])
    return network


def _is_first() -> bool:
    """Return True in the process of `torchrun` that prints."""
    return int(os.environ.get("RANK", 0)) == 0


def _option(field: Field) -> inspect.Parameter:
    """Make the option of a field; its help and its choices are the field's."""
    rules = field.metadata
    option = typer.Option(
        help=rules["help"],
        show_default=str(field.default),
        metavar="|".join(rules["choices"]) if "choices" in rules else None,
        rich_help_panel=rules.get("group", "Options"),
    )
    kind = Annotated[Optional[field.type], option]  # type: ignore[name-defined]  # noqa: UP045
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
    )


def _presets() -> str:
    """Return what each preset changes of the defaults, as options."""
    told = []
    for name, config in PRESETS.items():
        values = asdict(config).items() - asdict(TrainConfig()).items()
        options = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in sorted(values))
        told.append(f"{name}: {options or 'the defaults'}")
    return "\n\n".join(["Presets:", *told])


train.__doc__ = f"{train.__doc__}\n\n{_presets()}"
_fixed = [*inspect.signature(train).parameters.values()][:-1]  # but for `given`
train.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [*_fixed, *map(_option, fields(TrainConfig))]
)


def _config(
    out: Path, preset: str | None, resume: bool, init: str | None, given: dict
) -> TrainConfig:
    """Return the preset's or, on a resume, the run's configuration, as changed."""
    from colorlab.train.run import read_config

    if preset and preset not in PRESETS:
        raise ValueError(f"preset must be one of {[*PRESETS]}, got {preset!r}")
    if preset == "finetune" and not (init or resume):
        raise ValueError("--preset finetune must have --init, such as --init flagship")
    old = resume and (out / "config.json").is_file()
    before = read_config(out / "config.json") if old else None
    base = PRESETS[preset or "laptop"] if preset or not before else before
    config = replace(base, **given)
    if before:
        for change in changed_fields(before, config, free=True):
            print(f"changed: {change}")
    return config


def _print_start(out: Path, config: TrainConfig) -> None:
    import torch

    from colorlab.train.run import disk_space
    from colorlab.transfer import make_network

    with torch.device("meta"):
        network = make_network(config.width, config.variant)
    number = sum(p.numel() for p in network.parameters())
    need = disk_space(number, config.ema_decay > 0) / 1e6
    there = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e6
    print(
        f"{number:,} parameters; {out} will take {need:,.0f} MB, {free:,.0f} are free"
    )


def _print_end(out: Path, asked: int, done: int) -> None:
    if done > asked:
        print(f"{out} has done {done} steps, more than {asked}: nothing was changed")
        return
    print(f"{done} steps, network in {out / 'model.safetensors'}")
    skipped = out / "skipped.json"
    print_skipped(json.loads(skipped.read_text()) if skipped.is_file() else {})


class _Progress:
    """Show a run: a bar on a terminal, elsewhere a line for each save."""

    def __init__(self, out: Path, steps: int) -> None:
        self.out, self.steps = out, steps
        self.bar: tqdm | None = None
        self.told: str | None = None

    def show(self, step: int, record: dict | None) -> None:
        """Take a step, as `train` calls it."""
        from colorlab.train.run import read_data

        if self.bar is None:
            for source in (data := read_data(self.out))["train"] + [data["val"]]:
                self.say(source["described"])
            self.first, self.started = step - 1, time.perf_counter()
            self.bar = tqdm(
                total=self.steps, initial=self.first, unit=" steps", disable=None
            )
        self.bar.update()
        if record is None:
            return
        rate = record["images"] / record["seconds"]
        told = f"loss {record['loss']:.3f}, {rate:.0f} images/s"
        self.bar.set_postfix_str(told, refresh=False)
        if self.bar.disable and "held_out" in record:
            each = (time.perf_counter() - self.started) / (step - self.first)
            left = tqdm.format_interval(each * (self.steps - step))
            held_out = record["held_out"]
            if held_out is not None:
                told = f"{told}, held-out loss {held_out:.3f}"
            self.say(f"step {step} of {self.steps}: {told}, {left} left")
        self.warn(step, record["warning"])

    def warn(self, step: int, warning: str | None) -> None:
        """Print when a warning begins, and when it is over."""
        from colorlab.train.diagnostics import ADVICE

        if warning != self.told:
            if self.told:
                self.say(f"step {step}: {self.told}: over")
            if warning:
                self.say(f"step {step}: {warning}: {ADVICE[warning]}")
        self.told = warning

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        tqdm.write(f"colorlab: {text}", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is, so that what follows has a line of its own."""
        if self.bar is not None:
            self.bar.close()
