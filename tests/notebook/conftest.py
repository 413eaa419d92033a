"""Notebooks as text, for tests of what is read from them."""

from __future__ import annotations

import json
from typing import Any

import pytest


class NotebookWriter:
    """Writes small notebooks: `nb(("station", "x = 1"), (None, "y = 2"))` is the file's bytes."""

    def __call__(
        self,
        *cells: tuple[str | None, str],
        language: str = "python",
        kernel: str = "python3",
        metadata: dict[str, Any] | None = None,
    ) -> bytes:
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"name": kernel, "language": language, "display_name": kernel},
                **(metadata or {}),
            },
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"a{number}",
                    "metadata": {"tags": tags.split()} if tags else {},
                    "source": source,
                    "outputs": [],
                    "execution_count": number,
                }
                for number, (tags, source) in enumerate(cells, start=1)
            ],
        }
        return json.dumps(content).encode()


@pytest.fixture
def nb() -> NotebookWriter:
    return NotebookWriter()
