"""The archive of what leaves: as `tarfile` would write it, read in constant memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from phtlab.errors import AirlockError
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.formats.content import Content, FileContent, digest_of
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.train.canonical import digest
from phtlab.train.documents.record import OutputVerdict
from tests.limits import LIMIT
from tests.raising import raises_code

JOURNEY = "sha256:" + "0" * 64


def one(name: str, files: dict[str, Content]) -> CheckedOutput:
    return CheckedOutput(OutputVerdict(name=name, kind="file", verdict="released"), files)


def file_content(head: bytes, rest: bytes) -> FileContent:
    return FileContent(head, io.BytesIO(b"not this" + rest), 8, len(rest))


def written(*passed: CheckedOutput) -> bytes:
    with open_cargo(JOURNEY, "ukt", passed) as archive:
        return archive.read()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 10_000, 300_000])
def test_bytes_and_a_file_of_the_same_content_make_the_same_archive(size: int) -> None:
    content = b"y" * size
    cut = size // 3

    whole = written(one("a", {"a.bin": content}))

    assert written(one("a", {"a.bin": file_content(content[:cut], content[cut:])})) == whole
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        assert archive.getnames() == ["cargo.json", "a.bin"]
        assert archive.extractfile("a.bin").read() == content  # type: ignore[union-attr]


def test_the_archive_is_the_one_that_tarfile_writes() -> None:
    files = {"a.bin": b"first", "b.bin": b"second" * 1000}
    found = written(one("a", {"a.bin": files["a.bin"]}), one("b", {"b.bin": files["b.bin"]}))

    with tarfile.open(fileobj=io.BytesIO(found)) as archive:
        index = archive.extractfile("cargo.json").read()  # type: ignore[union-attr]
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in {"cargo.json": index, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    assert found == target.getvalue()
    listed = [file for output in json.loads(index)["outputs"] for file in output["files"]]
    assert [(f["path"], f["size"], f["sha256"]) for f in listed] == [
        (name, len(content), digest(content)) for name, content in files.items()
    ]


def test_a_file_that_became_shorter_is_told_and_not_padded() -> None:
    content = FileContent(b"", io.BytesIO(b"short"), 0, 6)

    with raises_code(AirlockError, "output-not-a-file"):
        digest_of(content)
    with raises_code(AirlockError, "output-not-a-file"):
        written(one("a", {"a.bin": content}))


def test_cargo_is_read_more_than_once_only_by_opening_it_again() -> None:
    passed = [one("a", {"a.bin": file_content(b"head", b"rest")})]

    with open_cargo(JOURNEY, "ukt", passed) as first, open_cargo(JOURNEY, "ukt", passed) as second:
        assert first.read() == second.read()
        assert first.read() == b""


_MEASURE = """
import resource, sys
from pathlib import Path
from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.station.executor.untrusted_files import LeftFiles
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.documents.manifest import Output
from phtlab.train.sealing import seal

folder = Path(sys.argv[1])
key = [str(HybridIdentity.generate().recipient())]
rules = AirlockRules(max_output=2**30, max_total=2**30, kinds=("model",))
def leave(name):
    with LeftFiles(folder, "outputs") as left:
        passed = pass_outputs((Output(name=name, kind="model", tensors=("w",)),), left, rules)
        assert passed[0].files, passed
        with open_cargo("sha256:0", "ukt", passed) as archive, (folder / "sealed").open("wb") as to:
            size = seal(archive, to, key, b"context").size
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, size

before, _ = leave("small")
after, size = leave("large")
print(after - before, size)
"""


def test_memory_does_not_grow_with_a_model_from_output_to_sealed_cargo(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    for name, size in {"small": 2 * 2**20, "large": 96 * 2**20}.items():
        index = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
        header = json.dumps(index).encode()
        model = len(header).to_bytes(8, "little") + header + bytes(size)
        (tmp_path / "outputs" / f"{name}.safetensors").write_bytes(model)
        (tmp_path / "outputs" / f"{name}.json").write_text('{"kind": "model"}')

    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
    )

    grown_kib, size = map(int, done.stdout.split())
    assert size > 96 * 2**20
    assert grown_kib < 8 * 1024
