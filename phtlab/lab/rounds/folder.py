"""Folder of what this machine keeps of a journey of rounds, found by the nonce of its order.

NONCE/ (0700)
└── key.age    the journey's key, sealed to the researcher; gone once the rounds have ended
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from phtlab.user_settings import config_directory

_NONCE: Final = re.compile(r"[0-9a-f]{32}")


def journey_folder(nonce: str) -> Path:
    """Return the folder of the journey whose order has `nonce`; it may not exist.

    Raises ValueError for what is no nonce: it would name another folder.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError("an order's nonce has 32 hexadecimal digits")
    return config_directory() / "journeys" / nonce


def made_folder(nonce: str) -> Path:
    """Return the folder of the journey whose order has `nonce`, made if it does not exist."""
    folder = journey_folder(nonce)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
