"""The commands under one name, and how errors are told."""

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from colorlab import __version__
from colorlab.cli.colorize import colorize
from colorlab.cli.data import data_app, prior
from colorlab.cli.evaluate import calibrate, evaluate
from colorlab.cli.messages import say_reason
from colorlab.cli.networks import export, info
from colorlab.cli.probe import probe
from colorlab.cli.train import train

INTERRUPTED, NO_READER = 130, 141  # exit codes, as shells have them


class OneLineErrors(TyperGroup):
    """A group whose commands end in one line where the user can mend what is wrong."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # names may hold any bytes
                stream.reconfigure(errors="backslashreplace")
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # so that a closed pipe is noticed here
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(NO_READER) from None
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None
        except Exception as error:
            if (reason := say_reason(error)) is None:
                raise
            print(f"colorlab: {reason}", file=sys.stderr)
            raise SystemExit(2) from error
        return result


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"colorlab {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, help="Print and exit.")
]
app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
for command in (colorize, prior, train, evaluate, probe, calibrate, export, info):
    app.command()(command)


@app.callback()
def _options(version: Version = False) -> None:
    """Color gray images, and train the networks that do it."""
