"""The commands under one name, and how an error is told."""

import sys

import typer

from colorlab.cli.colorize import colorize
from colorlab.cli.data import data_app, prior
from colorlab.cli.evaluate import calibrate, evaluate
from colorlab.cli.networks import export, info
from colorlab.cli.train import train

app = typer.Typer(
    help="Color gray photographs, and train the networks that do it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
for command in (colorize, prior, train, evaluate, calibrate, export, info):
    app.command()(command)


def main() -> None:
    """Run the command; what the user can mend is one line, not a traceback."""
    try:
        app()
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"colorlab: {error}", file=sys.stderr)
        raise SystemExit(2) from error
