"""`colorlab export` and `info`: a network as a file."""

import json
from dataclasses import astuple, replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from colorlab._lazy import BEST
from colorlab.cli.models import ModelName, Overwrite, check_output, load_network

SUFFIXES = (".safetensors", ".onnx")
HEADINGS = "layer X C S D Sa De BN L parameters MMAC sees"
LAYOUT = "{:8}{:>5}{:>6}{:>5}{:>3}{:>4}{:>4}{:>5}{:>5}{:>12}{:>8}{:>6}"


def export(
    model: ModelName,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help="The file: .safetensors, or .onnx for others."
        ),
    ],
    card: Annotated[
        Path | None, typer.Option(help="JSON to add to the network's card.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="In a quarter of the space, for a page.")
    ] = False,
    lam: Annotated[
        float | None,
        typer.Option(help="Adjust the logits as if trained with this lambda."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Of the annealed mean, for .onnx; else the network's."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a network in half precision, to ship it; or as ONNX, decoding included."""
    import torch

    from colorlab.losses import adjust_logits
    from colorlab.weights import save_model

    check_output(out, overwrite)
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(f"out must end in {' or '.join(SUFFIXES)}, got {out}")
    onnx = out.suffix.lower() == ".onnx"
    if onnx and int8:
        raise ValueError("--int8 must be left out for .onnx, which is in float32")
    if temperature is not None and not onnx:
        raise ValueError("--temperature must come with OUT.onnx")
    about = _read_card(card) if card else {}
    network = load_network(model)
    if lam is not None:
        adjust_logits(network, lam)
        about["lam"] = lam
    if onnx:
        from colorlab.export import export_onnx

        network.card |= about
        export_onnx(network, out, temperature)
    else:
        save_model(network, out, dtype=torch.int8 if int8 else torch.float16, **about)
    print(f"1 of 1 networks written, {out.stat().st_size / 1e6:.1f} MB in {out}")


def _read_card(path: Path) -> dict:
    """Read what is added to a card; refuse what no network could be loaded with."""
    from colorlab.weights import check_card

    try:
        card = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise ValueError(f"card must be a file; {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"card must be a JSON file; {path}: {error}") from error
    if not isinstance(card, dict):
        kind = type(card).__name__
        raise ValueError(f"card must hold a JSON object, {{}}; {path} holds a {kind}")
    try:
        check_card(card)
    except ValueError as error:
        raise ValueError(f"card {path}: {error}") from error
    return card


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def info(model: ModelName = BEST) -> None:
    """Show a network's card and layers."""
    from colorlab.network import ColorNet, layer_table

    network = load_network(model)
    print(json.dumps(network.card, indent=2))
    if not isinstance(network, ColorNet):  # the paper's table has no such layers
        number = sum(parameter.numel() for parameter in network.parameters())
        print(f"{number:,} parameters")
        return
    print(f"width {network.width}, {network.variant}, for 224 x 224 pixels")
    print(LAYOUT.format(*HEADINGS.split()))
    for row in (rows := layer_table(network)):
        in_millions = replace(row, macs=row.macs // 10**6)
        print(LAYOUT.format(*map(_cell, astuple(in_millions))))
    macs, parameters = sum(r.macs for r in rows), sum(r.parameters for r in rows)
    print(f"{parameters:,} parameters, {macs / 1e9:.2f} billion multiply-adds")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return value if isinstance(value, str) else f"{value:,}".removesuffix(".0")
