"""What is removed at a kernel's start: containers of this user's that no living process has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from phtlab.processes.process_mark import own_mark
from phtlab.provisioner.left_behind import (
    LABEL,
    LABEL_FOLDER,
    LABEL_PARENT,
    remove_left_behind,
)
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

Make = Callable[..., str]


@pytest.fixture
def make(kernel_image: str, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Make]:
    """A container with a kernel's labels: of the parent `mark`, with the folder `folder`."""
    made: list[str] = []

    def make(mark: str, folder: Path | str = "") -> str:
        container = engine.containers.create(
            kernel_image,
            labels={
                LABEL: "left-behind-test",
                LABEL_PARENT: mark,
                LABEL_FOLDER: str(folder or tmp_path / "none"),
            },
        )
        made.append(container.id)
        return str(container.id)

    yield make
    for container in made:
        try:
            engine.api.remove_container(container, force=True)
        except docker.errors.NotFound:
            continue


def _there(engine: docker.DockerClient, container: str) -> bool:
    try:
        engine.containers.get(container)
    except docker.errors.NotFound:
        return False
    return True


def _mark_of_an_ended_process() -> str:
    code = "from phtlab.processes.process_mark import own_mark; print(own_mark())"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    return told.stdout.strip()


def test_the_container_and_folder_of_an_ended_process_go(
    make: Make, engine: docker.DockerClient, tmp_path: Path
) -> None:
    folder = tmp_path / "phtlab-kernel-abc"
    (folder / "s").mkdir(parents=True)
    container = make(_mark_of_an_ended_process(), folder)
    assert remove_left_behind(engine) >= 1
    assert not _there(engine, container)
    assert not folder.exists()


def test_a_process_that_got_the_number_of_an_ended_one_does_not_count(
    make: Make, engine: docker.DockerClient
) -> None:
    place, _, started = own_mark().rpartition("-")
    container = make(f"{place}-{int(started) - 1}")
    remove_left_behind(engine)
    assert not _there(engine, container)


def test_what_cannot_be_judged_from_here_stays(make: Make, engine: docker.DockerClient) -> None:
    user, boot, namespace, process = own_mark().split("/")
    gone = _mark_of_an_ended_process().rpartition("/")[2]
    marks = [
        f"{user}/{boot}/{namespace}/{process}",
        f"{os.getuid() + 1}/{boot}/{namespace}/{gone}",
        f"{user}/another-boot/{namespace}/{gone}",
        f"{user}/{boot}/pid:[1]/{gone}",
        "not a mark",
        "",
    ]
    containers = [make(mark) for mark in marks]
    remove_left_behind(engine)
    assert all(_there(engine, container) for container in containers)


@pytest.mark.parametrize("name", ["documents", "phtlab-kernel-link"])
def test_a_label_is_no_permission_to_delete_just_anything(
    make: Make, engine: docker.DockerClient, tmp_path: Path, name: str
) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "thesis.txt").write_text("years of work")
    (tmp_path / "phtlab-kernel-link").symlink_to(documents)
    make(_mark_of_an_ended_process(), tmp_path / name)
    remove_left_behind(engine)
    assert (documents / "thesis.txt").exists()
