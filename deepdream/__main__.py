"""The program: what the command `deepdream` and `python -m deepdream` run."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while its modules are still being read ends it like any other."""
    try:
        from deepdream.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
