"""A canary put where it may not be, one way for each kind of place."""

from __future__ import annotations

import base64
import gzip
import io
import json
import lzma
import secrets
import sqlite3
import subprocess
import tarfile
import urllib.parse
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.canary.places import KINDS, Scene
from tests.e2e.parts import until


def _log(scene: Scene, text: str) -> None:
    with (scene.root / "services" / "central.log").open("a") as log:
        log.write(json.dumps({"event": "broken", "why": f"row: {text}"}) + "\n")


def _database(scene: Scene, text: str) -> None:
    with closing(sqlite3.connect(scene.root / "central" / "central.sqlite")) as opened, opened:
        opened.execute("CREATE TABLE planted (value BLOB)")
        opened.execute("INSERT INTO planted VALUES (?)", (text.encode("utf-16-le"),))


def _blob(scene: Scene, text: str) -> None:
    (scene.root / "central" / "registry" / "data").write_bytes(gzip.compress(_tar(text)))


def _tar(text: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        one = tarfile.TarInfo("rows.csv")
        one.size = len(text.encode())
        archive.addfile(one, io.BytesIO(text.encode()))
    return packed.getvalue()


def _state(scene: Scene, text: str) -> None:
    (scene.root / "central" / "state.json").write_text(urllib.parse.quote(text))


def _officers(scene: Scene, text: str) -> None:
    (scene.root / "consortium" / text.encode().hex()).touch()


def _stop(scene: Scene, text: str) -> None:
    stop = next((scene.root / "stations" / "cleveland" / "stops").glob("*/offer.json")).parent
    (stop / "planted.json").write_text(json.dumps({"why": f"of {text}"}))


def _cache(scene: Scene, text: str) -> None:
    encoded = base64.urlsafe_b64encode(b"?" + text.encode())
    (scene.root / "researcher" / "cache").write_bytes(encoded)


def _jupyter(scene: Scene, text: str) -> None:
    with (scene.aftermath.lab / "jupyter.log").open("ab") as log:
        log.write(b"Traceback: " + ascii(text).encode() + text.encode("utf-16"))


def _export(scene: Scene, text: str) -> None:
    with zipfile.ZipFile(scene.aftermath.exports / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("counts.csv", f"ward,n\n{text},40\n")


def _said(scene: Scene, text: str) -> None:
    scene.aftermath.said["planted"] = f"error: the row {text!r} is wrong"


def _answered(scene: Scene, text: str) -> None:
    scene.aftermath.answered["planted"] = f'rows{{ward="{text}"}} 3'


def _traffic(scene: Scene, text: str) -> None:
    content = base64.b64encode(b"ab" + text.encode() + b"c")
    scene.proxy._lines.append(("planted", bytearray(b"POST / HTTP/1.1\r\n\r\n" + content)))


def _temporary(scene: Scene, text: str) -> None:
    (scene.temporary / "tmp1234").write_bytes(lzma.compress(text.encode()))


def _core(scene: Scene, text: str) -> None:
    (scene.root / "core.1234").write_bytes(b"\x7fELF" + bytes(4096) + text.encode())


def _container(scene: Scene, text: str) -> None:
    """A container that stays after its run, and the engine's folder of it."""
    api = scene.engine.api
    tag = secrets.token_hex(6)  # other sessions plant on this engine too
    api.import_image_from_data(_tar("nothing"), repository="phtlab-canary", tag=tag)
    made = api.create_container(f"phtlab-canary:{tag}", ["/none"], environment={"ROW": text})
    try:
        (container,) = api.containers(all=True, filters={"id": made["Id"]})
        scene.runs.keep(container)
    finally:
        api.remove_container(made["Id"], force=True)
        api.remove_image(f"phtlab-canary:{tag}")


def _command_line(scene: Scene, text: str) -> None:
    _process(scene, text, {})


def _environment(scene: Scene, text: str) -> None:
    _process(scene, "", {"ROW": text})


def _process(scene: Scene, argument: str, environment: Mapping[str, str]) -> None:
    waiting = ["/bin/sh", "-c", "read line", argument]
    with subprocess.Popen(waiting, env=environment, stdin=subprocess.PIPE) as one:
        # While a program is being loaded its command line is empty.
        until(lambda: Path(f"/proc/{one.pid}/cmdline").read_bytes())
        scene.watched.look()


PLANTERS: Final[Mapping[str, Callable[[Scene, str], None]]] = dict(
    zip(
        KINDS,
        (
            *(_log, _database, _blob, _state, _officers, _stop, _cache, _jupyter, _export),
            *(
                _said,
                _answered,
                _traffic,
                _temporary,
                _core,
                _container,
                _command_line,
                _environment,
            ),
        ),
        strict=True,
    )
)
