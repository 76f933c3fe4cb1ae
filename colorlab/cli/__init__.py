"""The command `colorlab`: parse, call one function, print."""

from colorlab.cli.app import app as app
