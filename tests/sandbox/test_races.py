"""A process that swaps files while the station reads: it wins nothing, and it is dead by then.

The reader (untrusted_files) is raced by threads here, tens of thousands of times; and in a real
stop the outputs are read only after the last process of the container is gone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import AirlockError
from phtlab.station.executor import untrusted_files
from phtlab.station.executor.contract import Limits
from phtlab.station.executor.output_volume import LoopbackVolumes
from phtlab.station.executor.untrusted_files import list_untrusted, read_untrusted
from phtlab.station.pipeline import running
from tests.evidence import Evidence
from tests.limits import LIMIT, join
from tests.raising import raises_code
from tests.sandbox.conftest import Open
from tests.sandbox.probe_table import title
from tests.sandbox.test_endings import NAMED, named, policy
from tests.station.real_world import travel
from tests.station.station_world import COUNTS

OURS, SECRET = b"ours", b"swordfish"


@contextmanager
def meanwhile(swap: Callable[[], None]) -> Iterator[list[int]]:
    """`swap` again and again in a thread; the list counts how often."""
    done, count = threading.Event(), [0]

    def work() -> None:
        while not done.is_set():
            with suppress(OSError):
                swap()
            count[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        join(thread)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    (out / "outputs").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.json").write_bytes(SECRET)
    (out / "outputs" / "a.json").write_bytes(OURS)
    (out / "plain").write_bytes(OURS)
    return out


def swaps(out: Path, tmp_path: Path) -> dict[str, Callable[[], None]]:
    inside, aside, secret = out / "outputs", out / "aside", tmp_path / "elsewhere" / "a.json"
    target, spare = inside / "a.json", out / "spare"

    def put(make: Callable[[], Any]) -> None:
        spare.unlink(missing_ok=True)
        make()
        spare.replace(target)
        plain = out / "again"
        plain.write_bytes(OURS)
        plain.replace(target)

    def folder() -> None:
        inside.rename(aside)
        inside.symlink_to(tmp_path / "elsewhere")
        inside.unlink()
        aside.rename(inside)

    def grow() -> None:
        with target.open("r+b") as file:
            file.truncate(4)
            file.seek(0, 2)
            file.write(b"x" * 5000)
            file.truncate(4)

    return {
        "a link to a secret": lambda: put(lambda: spare.symlink_to(secret)),
        "a hard link to a secret": lambda: put(lambda: spare.hardlink_to(secret)),
        "a pipe": lambda: put(lambda: os.mkfifo(spare)),
        "a folder that is a link": folder,
        "a file that grows": grow,
    }


NAMES = (
    "a link to a secret",
    "a hard link to a secret",
    "a pipe",
    "a folder that is a link",
    "a file that grows",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_swapped_while_it_is_read_leads_nowhere(
    out: Path, tmp_path: Path, name: str
) -> None:
    race(out, tmp_path, name, seconds=0.7)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_long_race_leads_nowhere(out: Path, tmp_path: Path, name: str) -> None:
    race(out, tmp_path, name, seconds=20)


def test_a_second_name_that_is_taken_away_before_links_are_counted_leads_nowhere(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment that the race of a hard link has to meet, met each time."""
    put = swaps(out, tmp_path)["a hard link to a secret"]
    target, secret = out / "outputs" / "a.json", tmp_path / "elsewhere" / "a.json"
    count = os.fstat

    def counted(descriptor: int) -> os.stat_result:
        if target.exists() and target.samefile(secret):
            target.unlink()
        return count(descriptor)

    def opened(path: Any, flags: int, **where: Any) -> int:
        if path == "a.json":
            target.unlink()
            target.hardlink_to(secret)
        return really_open(path, flags, **where)

    put()
    really_open = os.open
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fstat", counted)
    with raises_code(AirlockError, "output-not-a-file"):
        read_untrusted(out, "outputs/a.json", limit=1000)


def race(out: Path, tmp_path: Path, name: str, seconds: float) -> None:
    read, refused = 0, set()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with meanwhile(swaps(out, tmp_path)[name]) as swapped:
        end = time.monotonic() + seconds
        while time.monotonic() < end or not (read and swapped[0] > 10):
            assert time.monotonic() < end + LIMIT, (read, swapped[0])
            with suppress(OSError):
                assert set(list_untrusted(out, "outputs", most=5)) <= {"a.json"}
            try:
                content = read_untrusted(out, "outputs/a.json", limit=1000)
            except AirlockError as error:
                refused.add(error.code)
                continue
            assert SECRET not in content
            assert content[:4] == OURS
            assert len(content) <= 1000
            read += 1
    assert refused <= {"output-missing", "output-not-a-file", "output-too-large"}
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


@pytest.mark.engine
def test_all_processes_are_dead_when_outputs_are_read(
    open_world: Open, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook leaves one that swaps its output for a link for ever; the airlock sees a file
    or a link that does not change any more, and never what the link leads to."""
    source = (
        NAMED
        + """
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        name("MARK")
        folder = "/phtlab/out/outputs/"
        os.chdir(folder)
        while True:
            os.symlink("/etc/passwd", ".link")
            os.rename("counts.table.json", ".aside")
            os.rename(".link", "counts.table.json")
            os.rename(".aside", "counts.table.json")
    os._exit(0)
time.sleep(1)
"""
    )
    alive: list[list[int]] = []
    seen: set[int] = set()
    with open_world() as world:
        policy(world)
        mark = f"swap{world.folder.mark()[:8]}"
        whole = untrusted_files.open_untrusted

        @contextmanager
        def watched(directory: Path, name: str, *, limit: int) -> Iterator[Any]:
            # progress.json is read while the run goes on: for display, and bounded.
            if name != "progress.json":
                alive.append(named(mark))
            with whole(directory, name, limit=limit) as file:
                yield file

        monkeypatch.setattr(untrusted_files, "open_untrusted", watched)
        listed = running.list_untrusted

        def listing(directory: Path, name: str, *, most: int) -> list[str]:
            alive.append(named(mark))
            return listed(directory, name, most=most)

        monkeypatch.setattr(running, "list_untrusted", listing)
        offer = world.offer(world.train(COUNTS + source.replace("MARK", mark)))
        record = travel(world, offer, lambda: seen.update(named(mark)))
    assert seen, "the process was never there"
    assert alive
    assert not any(alive)
    # As the swapping stopped: the table itself, the link, or neither.
    (verdict,) = record.outputs
    assert verdict.rule in {"small-count", "output-not-a-file", "output-missing"}
    assert (record.outcome, record.code) == (
        ("departed", "") if verdict.rule == "small-count" else ("failed", "airlock-refused")
    )
    outcome = "read after the last process is dead; never followed"
    evidence("probes", probe=title(37), runtime_class="runc", outcome=outcome)


@pytest.mark.engine
def test_the_volume_is_mounted_without_devices_for_the_station_too(tmp_path: Path) -> None:
    """A device that were made there all the same is none to whoever opens it."""
    folder = tmp_path / "job"
    out = LoopbackVolumes().create(folder, Limits(output_bytes=1 << 20))
    try:
        os.mknod(out / "device", 0o020666, os.makedev(1, 5))
        with pytest.raises(PermissionError):
            (out / "device").open("rb")
    finally:
        LoopbackVolumes().remove(folder)
