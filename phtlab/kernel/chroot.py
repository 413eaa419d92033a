"""The image's own Python, run inside its root file system while the image is built.

Whatever depends on a Python or zlib build (byte code, compression) is made by the image's own, so
that the builder's machine does not affect a digest.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import KernelError
from phtlab.kernel.layer import EPOCH, Hashed, LayerFile, write_tree

GZIP_LEVEL = 1
# A fixed number, so that the same files share a process (and with it their byte code) on every
# machine.
_COMPILERS = 4

_DESCRIBE = """
import os, sys
print("%d.%d" % sys.version_info[:2])
print(os.confstr("CS_GNU_LIBC_VERSION").split()[1])
print(os.uname().machine)
"""

_COMPILE = """
import py_compile, sys
strip = sys.argv[1]
for name in sys.stdin.read().splitlines():
    try:
        py_compile.compile(name, dfile=name.removeprefix(strip), doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError:
        pass  # templates and test data that were never meant to compile
"""

# The header is RFC 1952's without name and time, independent of Python's gzip module.
_GZIP = """
import struct, sys, zlib
source, target = sys.stdin.buffer, sys.stdout.buffer
deflate = zlib.compressobj(int(sys.argv[1]), zlib.DEFLATED, -15, 8)
crc = size = 0
target.write(b"\\x1f\\x8b\\x08\\0\\0\\0\\0\\0\\0\\xff")
while block := source.read(1 << 20):
    crc = zlib.crc32(block, crc)
    size += len(block)
    target.write(deflate.compress(block))
target.write(deflate.flush() + struct.pack("<II", crc, size & 0xFFFFFFFF))
"""


@dataclass(frozen=True)
class ImagePython:
    """Python of the file system `root`: `version` "3.11", `libc` "2.36", `machine` "x86_64"."""

    root: Path
    version: str
    libc: str
    machine: str

    @property
    def site(self) -> str:
        """The folder, from the root, in which the image looks for installed packages."""
        return f"usr/local/lib/python{self.version}/dist-packages"

    @classmethod
    def of(cls, root: Path) -> ImagePython:
        """Find the Python of the root file system `root`. Raises KernelError if it has none."""
        if not (root / "usr/bin/python3").exists():
            raise KernelError(
                "The image has no python3, which phtlab's runtime needs.",
                'Add "python3" to the recipe\'s packages.',
                code="kernel-recipe",
            )
        version, libc, machine = _run(root, _DESCRIBE).decode().split()
        return cls(root, version, libc, machine)

    def compile(self, folder: str, *, strip: str = "") -> None:
        """Compile all Python files below `folder` (from the root), without time stamps.

        The byte code names its files without the prefix `strip`.
        """
        top = self.root / folder
        names = sorted(f"/{file.relative_to(self.root)}" for file in top.rglob("*.py"))
        parts = [names[start::_COMPILERS] for start in range(_COMPILERS)]
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            list(
                pool.map(
                    lambda part: _run(self.root, _COMPILE, strip, given="\n".join(part).encode()),
                    parts,
                )
            )
        for cache in top.rglob("__pycache__"):
            _plain_modes(cache)

    def prepare(self, folder: str, script: str) -> None:
        """Run `script` with the packages in `folder` (from the root) as if they were installed.

        The script's first argument is the folder, in which it may leave files.
        """
        place = f"/{folder}"
        _run(self.root, script, place, PYTHONPATH=f"{place}/{self.site}")
        _plain_modes(self.root / folder)

    def pack(self, tree: Path, target: Path) -> LayerFile:
        """Pack `tree` as a layer at `target`, gzip-compressed by the image's own zlib."""
        with target.open("wb") as out:
            process = subprocess.Popen(
                _command(self.root, _GZIP, str(GZIP_LEVEL)),
                stdin=subprocess.PIPE,
                stdout=out,
                env=_ENVIRONMENT,
            )
            if process.stdin is None:
                raise KernelError("The image's Python cannot be written to.")
            plain = Hashed(process.stdin)
            try:
                write_tree(tree, plain)  # type: ignore[arg-type]
                process.stdin.close()
            finally:
                code = process.wait()
        if code:
            raise KernelError(f"The image's own Python failed to compress a layer (exit {code}).")
        digest, size = _measure(target)
        return LayerFile(
            target,
            "application/vnd.oci.image.layer.v1.tar+gzip",
            digest,
            size,
            plain.digest,
            plain.size,
        )


_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108 - inside the image
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": str(EPOCH),
}


def _command(root: Path, script: str, *arguments: str) -> Sequence[str]:
    # Not -I: it would ignore PYTHONHASHSEED. -S and -s keep the wheels out.
    return ["chroot", str(root), "/usr/bin/python3", "-S", "-s", "-c", script, *arguments]


def _run(root: Path, script: str, *arguments: str, given: bytes = b"", **environment: str) -> bytes:
    done = subprocess.run(
        _command(root, script, *arguments),
        input=given,
        capture_output=True,
        env={**_ENVIRONMENT, **environment},
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise KernelError(f"The image's own Python failed while the image was built: {last}")
    return done.stdout


def _plain_modes(folder: Path) -> None:
    """Set modes 755 and 644, whatever the builder's umask is."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _measure(file: Path) -> tuple[str, int]:
    with file.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}", file.stat().st_size
