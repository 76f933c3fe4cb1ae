"""Lets `python -m colorlab` be the command `colorlab`."""

from colorlab.cli import main

main()
