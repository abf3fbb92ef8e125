"""The command line by another name: `python -m deepdream`."""

from deepdream.cli import main

main()
