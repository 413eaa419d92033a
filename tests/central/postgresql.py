"""A private PostgreSQL server from Debian's package, on loopback, in a folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.limits import LIMIT
from tests.real_registry import free_port


@dataclass(frozen=True)
class Server:
    """A server that can be stopped, killed and started again over the same data."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Its address, without a database's name."""
        return f"postgresql://phtlab@127.0.0.1:{self.port}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def found(self) -> None:
        # The server refuses to run as root, and its user must reach the folder.
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._call(
            *("initdb", "-D", str(self._data), "-U", "phtlab", "-A", "trust"),
            *("--no-sync", "-E", "UTF8", "--locale=C.UTF-8"),
        )

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 "
            f"-c unix_socket_directories={self.folder} -c fsync=off -c max_connections=200"
        )
        log = self.folder / "log"
        end = time.monotonic() + LIMIT
        while True:
            try:
                self._call(
                    *("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(log), "-w", "start")
                )
                return
            except AssertionError:
                # What a killed server's children hold, they let go of when they notice.
                assert time.monotonic() < end, log.read_text()[-2000:]
                time.sleep(0.2)

    def stop(self, how: str = "immediate") -> None:
        self._call("pg_ctl", "-D", str(self._data), "-m", how, "-w", "stop")

    def kill(self) -> None:
        """kill -9 of the first process and of all that it has begun."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        pids = [
            int(pid)
            for task in Path(f"/proc/{first}/task").iterdir()
            for pid in (task / "children").read_text().split()
        ]
        for pid in (first, *pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(_runs(pid) for pid in (first, *pids)):
            time.sleep(0.01)

    def _call(self, program: str, *arguments: str) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
        assert found, "install the Debian package postgresql"
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*as_user, str(found[-1]), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """A running server. It ends with the context."""
    folder = Path(tempfile.mkdtemp(prefix="phtlab-pg-"))
    server = Server(folder, free_port())
    try:
        server.found()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a running server, without a database's name."""
    with postgresql_server() as server:
        yield server.url


def new_database(server: str) -> str:
    """The address of a fresh database of `server`."""
    name = f"central_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"
