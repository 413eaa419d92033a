"""Where a value could have come out: each kind of place, and all that lies in it after a run."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docker

from tests.canary.canaries import Canary
from tests.canary.marked_world import HOLDER, Aftermath
from tests.canary.recording_proxy import RecordingProxy
from tests.canary.watched_processes import WatchedProcesses
from tests.canary.watched_runs import WatchedRuns

Content = Iterator[tuple[str, bytes]]


@dataclass
class Scene:
    """What a search looks at."""

    aftermath: Aftermath
    proxy: RecordingProxy
    watched: WatchedProcesses
    runs: WatchedRuns
    engine: docker.DockerClient
    temporary: Path  # TMPDIR of every process of the world
    kernel_blobs: frozenset[str]  # of the kernel image: there before any canary was made

    @property
    def root(self) -> Path:
        return self.aftermath.world.directory


def files(folder: Path, root: Path) -> Content:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(root)), path.read_bytes()
        # A name tells as well as a content does.
        yield f"the name of {path.relative_to(root)}", os.fsencode(path.name)


def logs(scene: Scene) -> Content:
    yield from files(scene.root / "services", scene.root)


def database(scene: Scene) -> Content:
    """As its files are, deleted rows included, and as its text: what is escaped in one is not
    in the other."""
    for path in sorted((scene.root / "central").glob("*.sqlite*")):
        yield f"central/{path.name}", path.read_bytes()
    with closing(sqlite3.connect(scene.root / "central" / "central.sqlite")) as opened:
        yield "central's dump", "\n".join(opened.iterdump()).encode()


def registry(scene: Scene) -> Content:
    for where, content in files(scene.root / "central" / "registry", scene.root):
        if not any(digest in where for digest in scene.kernel_blobs):
            yield where, content


def central_folder(scene: Scene) -> Content:
    for where, content in files(scene.root / "central", scene.root):
        if not where.startswith("central/registry/"):
            yield where, content


def consortium_folder(scene: Scene) -> Content:
    yield from files(scene.root / "consortium", scene.root)


def station_folders(scene: Scene) -> Content:
    yield from files(scene.root / "stations", scene.root)


def researcher_folder(scene: Scene) -> Content:
    yield from files(scene.root / "researcher", scene.root)


def jupyter_folder(scene: Scene) -> Content:
    """Its log, and whatever it and its kernels have written."""
    yield from files(scene.aftermath.lab, scene.aftermath.lab)


def exports(scene: Scene) -> Content:
    yield from files(scene.aftermath.exports, scene.aftermath.exports)


def messages(scene: Scene) -> Content:
    for what, text in scene.aftermath.said.items():
        yield f"what '{what}' printed", text.encode()


def answers(scene: Scene) -> Content:
    for what, text in scene.aftermath.answered.items():
        yield f"the answer {what}", text.encode()


def traffic(scene: Scene) -> Content:
    yield from scene.proxy.passed()


def temporary_files(scene: Scene) -> Content:
    yield from files(scene.temporary, scene.temporary)


def crash_dumps(scene: Scene) -> Content:
    for folder in (scene.root, Path.cwd(), Path("/var/crash")):
        for path in [*folder.glob("core*"), *folder.glob("*/core*"), *folder.glob("*.crash")]:
            if path.is_file():
                yield str(path), path.read_bytes()


def engine_logs(scene: Scene) -> Content:
    """What the engine kept of runs: their containers' folders and states, while they were there."""
    yield from scene.runs.kept()


def command_lines(scene: Scene) -> Content:
    for (arguments, _), shown in scene.watched.seen.items():
        yield f"the command line of {shown[:60]}", arguments


def environments(scene: Scene) -> Content:
    for (_, environment), shown in scene.watched.seen.items():
        yield f"the environment of {shown}", environment


KINDS: Final[Mapping[str, Callable[[Scene], Content]]] = {
    "logs of central, registry and stations": logs,
    "the database of central, as files and as a dump": database,
    "blobs and tags of the registry, unpacked": registry,
    "the rest of central's folder": central_folder,
    "the officers' folder": consortium_folder,
    "stations' folders: stops, records, sealed cargo": station_folders,
    "the researcher's profile, keys and caches": researcher_folder,
    "JupyterLab's log and folders": jupyter_folder,
    "exported results": exports,
    "errors and words of commands": messages,
    "answers, metrics and pages of central and the lab": answers,
    "all that anyone said to central or heard from it": traffic,
    "temporary files": temporary_files,
    "crash dumps": crash_dumps,
    "what the engine keeps of runs": engine_logs,
    "command lines of processes": command_lines,
    "environments of processes": environments,
}


def may_be(canary: Canary, where: str, scene: Scene) -> bool:
    """The places where a value belongs. All others are a leak."""
    marks = scene.aftermath.marks
    for station, canaries in marks.data.items():
        # The operator's own view of a run, in a folder that only the station's user may enter.
        if canary in canaries and where.removeprefix("the name of ").startswith(
            f"stations/{station}/stops/"
        ):
            return "/operator/" in where
        # Labels of rows that stayed, to hold later tables against: see airlock/released.py.
        if canary in canaries and where.startswith(f"stations/{station}/released/"):
            return True
    if canary in marks.reasons:
        # What a person writes is in that person's word, and nowhere else; and was on the command
        # line on which it was typed.
        word = where.startswith(f"stations/{HOLDER}/stops/") and "/word-" in where
        return word or (where.startswith("the command line of ") and " -m phtlab " in where)
    if canary in marks.central_keys:
        return where.startswith("central/") and where.endswith("-key.pem")
    given = (*marks.passphrases, *marks.wrong_passphrases)
    if canary in given and where.startswith("the environment of "):
        # The command was given it so; what it starts itself must not inherit it.
        return " -m phtlab " in where
    return False
