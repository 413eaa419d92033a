"""The executor that quick tests use keeps the contract, containment aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.station.executor.executor_contract import ExecutorContract, Make
from tests.station.executor.local_executor import LocalExecutor


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture
    def image(self) -> str:
        return "127.0.0.1:5000/kernels/python@sha256:" + "0" * 64

    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def local(entrypoint: Sequence[str]) -> LocalExecutor:
            return LocalExecutor(tmp_path / "runs", entrypoint=entrypoint)

        return local
