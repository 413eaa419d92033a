"""Sealing and opening 10^9 bytes from file to file, compared with Debian's `age` and pyrage.

Each side runs in a process of its own, in turns. Ours does more: it also computes the SHA-256 that
the stop record signs, and compares it before opening. The peers seal to X25519, ours to the
post-quantum hybrid; at this size the time for the header is negligible. The files are in memory
(/dev/shm) if it exists and has enough space; otherwise all sides use the same disk.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Row, keep, line, median, row, spread
from bench.size import FULL, BenchSize

SHARED_MEMORY = Path("/dev/shm")

# The program of a side's process: prints the seconds, and the peak of its memory in KiB.
_MEASURED = """
import sys, time
from pathlib import Path
folder, what = Path(sys.argv[1]), sys.argv[2]
{imports}
begin = time.perf_counter()
{work}
print(time.perf_counter() - begin)
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0])
"""
_OUR_IMPORTS = """
from phtlab.train.crypto.age import HybridIdentity
from phtlab.files.sealed_file import open_file
from phtlab.train.sealing import seal
key = HybridIdentity.parse((folder / "ours.key").read_text())
"""
_OUR_SEAL = """
with (folder / "plain").open("rb") as source, (folder / "ours").open("wb") as target:
    sealed = seal(source, target, [str(key.recipient())], b"context")
(folder / "ours.digest").write_text(sealed.digest)
"""
_OUR_OPEN = """
digest = (folder / "ours.digest").read_text()
open_file(folder / "ours", folder / "ours.plain", key, b"context", digest)
"""
_PYRAGE_IMPORTS = """
import pyrage
key = pyrage.x25519.Identity.from_str((folder / "age.key").read_text().strip())
"""
_PYRAGE_SEAL = """
pyrage.encrypt_file(str(folder / "plain"), str(folder / "pyrage"), [key.to_public()])
"""
_PYRAGE_OPEN = """
pyrage.decrypt_file(str(folder / "pyrage"), str(folder / "pyrage.plain"), [key])
"""


def measure(size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the rows."""
    with _place(size.seal_bytes) as folder:
        sides = ("ours", "age", "pyrage")
        seconds: dict[tuple[str, str], list[float]] = {}
        peaks: dict[tuple[str, str], list[float]] = {}
        for turn in range(size.warmups + size.seal_runs):
            for what in ("seal", "open"):
                for side in sides:
                    took, peak = _measure_side(folder, side, what)
                    if turn >= size.warmups:
                        seconds.setdefault((side, what), []).append(took)
                        peaks.setdefault((side, what), []).append(peak)
                    (folder / f"{side}.plain").unlink(missing_ok=True)
    limit = _openssl_seconds(size)
    rows: list[Row] = []
    for what in ("seal", "open"):
        print(f"{what} of {size.seal_bytes:,} bytes:")
        for side in sides:
            print(line(side, seconds[side, what]), f"peak {max(peaks[side, what]):.1f} MiB")
        ours = median(seconds["ours", what])
        others = {side: median(seconds[side, what]) for side in ("age", "pyrage")}
        best = min(others, key=lambda side: others[side])
        names = {"age": f"Debian's age {_age_version()}", "pyrage": f"pyrage {version('pyrage')}"}
        second = next(side for side in others if side != best)
        note = (
            f"{spread(seconds['ours', what])}. {names[second]}: {others[second]:.3g} s. Limit: "
            f"openssl's ChaCha20-Poly1305 in 64 KiB, without files, takes {limit:.3g} s."
        )
        rows.append(row(f"{what}_1gb", ours, note, peer=names[best], peer_value=others[best]))
        peak = max(peaks["ours", what])
        theirs = max(peaks[best, what])
        note = "VmHWM of the whole process, with Python and its libraries."
        rows.append(row(f"{what}_1gb_rss", peak, note, peer=names[best], peer_value=theirs))
    return rows


@contextmanager
def _place(size: int) -> Iterator[Path]:
    """Make a folder with the content and the keys."""
    from phtlab.train.crypto.age import HybridIdentity

    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 6 * size
    with TemporaryDirectory(prefix="phtlab-bench-", dir=SHARED_MEMORY if roomy else None) as made:
        folder = Path(made)
        block = os.urandom(10**6)
        with (folder / "plain").open("wb") as plain:
            for _ in range(size // len(block)):
                plain.write(block)
        (folder / "ours.key").write_text(str(HybridIdentity.generate()))
        subprocess.run(
            ["age-keygen", "-o", str(folder / "age.key")], check=True, capture_output=True
        )
        key = (folder / "age.key").read_text()
        (folder / "age.key").write_text(key.splitlines()[-1] + "\n")
        (folder / "age.to").write_text(re.findall(r"age1\w+", key)[0])
        yield folder


def _measure_side(folder: Path, side: str, what: str) -> tuple[float, float]:
    """Run a side once; return its seconds, and its peak memory in MiB."""
    if side == "age":
        return _age(folder, what)
    imports, works = {
        "ours": (_OUR_IMPORTS, {"seal": _OUR_SEAL, "open": _OUR_OPEN}),
        "pyrage": (_PYRAGE_IMPORTS, {"seal": _PYRAGE_SEAL, "open": _PYRAGE_OPEN}),
    }[side]
    program = _MEASURED.format(imports=imports, work=works[what])
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), what],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, kib = done.stdout.split()
    return float(seconds), int(kib) / 1024


def _age(folder: Path, what: str) -> tuple[float, float]:
    options = {
        "seal": ["-R", "age.to", "-o", "age", "plain"],
        "open": ["-d", "-i", "age.key", "-o", "age.plain", "age"],
    }[what]
    begin = time.perf_counter()
    process = subprocess.Popen(["age", *options], cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "age")
    return took, usage.ru_maxrss / 1024


def _age_version() -> str:
    output = subprocess.run(["age", "--version"], check=True, capture_output=True, text=True).stdout
    return output.strip().removeprefix("v")


def _openssl_seconds(size: BenchSize) -> float:
    """Return the seconds for as many bytes in openssl's own loop."""
    loop = ["-evp", "chacha20-poly1305", "-bytes", "65536", "-seconds", str(size.openssl_seconds)]
    output = subprocess.run(
        ["openssl", "speed", *loop], check=True, capture_output=True, text=True
    ).stdout
    thousands = float(re.findall(r"(?i)chacha20-poly1305\s+([\d.]+)k", output)[-1])
    return size.seal_bytes / (thousands * 1000)


if __name__ == "__main__":
    keep(measure(FULL))
