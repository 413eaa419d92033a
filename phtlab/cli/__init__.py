"""The `phtlab` command, one file a noun."""

from phtlab.cli.main import main

__all__ = ["main"]
