"""The `phtlab` command, one module per noun."""

from phtlab.cli.main import main

__all__ = ["main"]
