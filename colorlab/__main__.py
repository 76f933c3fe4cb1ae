"""The command `colorlab`, and `python -m colorlab`."""


def main() -> None:
    """Run the command; Ctrl-C is quiet also while it loads."""
    try:
        from colorlab.cli import app
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    app()


if __name__ == "__main__":
    main()
