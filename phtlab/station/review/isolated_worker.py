"""Client of the worker process: sends a notebook, and validates the answer."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from pydantic import ValidationError

from phtlab.station.review.examination import Examination, ExaminationRequest

SECONDS: Final = 30
MOST_BYTES: Final = 32 * 2**20


def examined(request: ExaminationRequest, seconds: float | None = None) -> tuple[Examination, str]:
    """Return the worker's findings, and the reason if there are none; "" otherwise."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "phtlab.station.review.worker"],
            input=request.model_dump_json().encode(),
            capture_output=True,
            timeout=SECONDS if seconds is None else seconds,
            check=False,
            cwd="/",
            env={},
        )
    except subprocess.TimeoutExpired:
        return Examination(), _unread("it took too long")
    if done.returncode != 0 or len(done.stdout) > MOST_BYTES:
        return Examination(), _unread(f"its reader ended with {done.returncode}")
    try:
        return Examination.model_validate_json(done.stdout), ""
    except ValidationError:
        return Examination(), _unread("its reader gave no answer")


def _unread(why: str) -> str:
    return (
        f"The machine could not examine this notebook: {why}. Ordinary ones take a second; what "
        "follows from its code is not known here. Read it by yourself, or refuse it."
    )
