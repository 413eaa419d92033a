"""A kernel is not given up because its engine did not answer once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
import requests

from phtlab.provisioner.kernel_container import UNANSWERED, KernelContainer
from phtlab.provisioner.kernel_folder import KernelFolder
from phtlab.station.executor.contract import Limits

IMAGE = f"127.0.0.1:1/kernels/python@sha256:{'0' * 64}"
RUNNING = {"Running": True, "ExitCode": 0, "OOMKilled": False}
ENDED = {"Running": False, "ExitCode": 7, "OOMKilled": False}
Answers = list[Exception | dict[str, Any]]


@pytest.fixture
def started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Answers], KernelContainer]:
    """A kernel whose engine answers to each inspection with the next of `answers`."""

    def started(answers: Answers) -> KernelContainer:
        left = iter(answers)

        def inspect_container(container: str) -> dict[str, Any]:
            answer = next(left)
            if isinstance(answer, Exception):
                raise answer
            return {"State": answer}

        @contextmanager
        def engine() -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(api=SimpleNamespace(inspect_container=inspect_container))

        module = "phtlab.provisioner.kernel_container"
        monkeypatch.setattr(f"{module}.container_engine", engine)
        monkeypatch.setattr(f"{module}.remove_left_behind", lambda engine: 0)
        monkeypatch.setattr(KernelContainer, "_start", lambda self, job: None)
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        return KernelContainer(IMAGE, KernelFolder.make(str(tmp_path)), {}, Limits())

    return started


@pytest.mark.parametrize(
    "fault",
    [
        docker.errors.APIError("500 Server Error"),
        docker.errors.DockerException("no answer"),
        requests.ConnectionError(),
        requests.ReadTimeout(),
        OSError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_it_runs_until_several_questions_in_a_row_had_no_answer(started, fault):
    kernel = started([fault] * UNANSWERED)
    assert [kernel.exit_code() for _ in range(UNANSWERED)] == [None] * (UNANSWERED - 1) + [-1]


def test_an_answer_begins_the_count_anew(started):
    few: Answers = [OSError()] * (UNANSWERED - 1)
    kernel = started([*few, RUNNING, *few, ENDED])
    assert [kernel.exit_code() for _ in range(2 * UNANSWERED)] == [None] * (2 * UNANSWERED - 1) + [
        7
    ]


def test_a_container_that_is_gone_has_ended_at_once(started):
    kernel = started([docker.errors.NotFound("no such container")] * 2)
    assert kernel.exit_code() == -1
    assert kernel.why() == ""
