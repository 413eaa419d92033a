"""Where the files lie that come with phtlab; see `phtlab.share`."""

from phtlab.share import PACKAGE, share

__all__ = ["PACKAGE", "share"]
