"""`python -m phtlab` is the `phtlab` command."""

from phtlab.cli import main

main()
