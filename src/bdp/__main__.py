"""`python -m bdp` is `bdp`."""

from bdp.cli import main

main()
