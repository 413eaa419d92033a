"""A layer's bytes depend on its content only."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path

from phtlab.errors import KernelError
from phtlab.kernel.layer import EPOCH, LayerFile, write_tree
from tests.raising import raises_code


def packed(tree: Path) -> bytes:
    target = io.BytesIO()
    write_tree(tree, target)
    return target.getvalue()


def fill(tree: Path, names: list[str]) -> None:
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    (tree / "link").symlink_to("./a/../b")
    os.link(tree / "b", tree / "z")
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o4644)


def test_order_and_time_of_making_do_not_show(tmp_path: Path) -> None:
    names = ["b", "a/y", "a/x", "a-b", "ä", "a/" + "n" * 120]
    fill(tmp_path / "1", names)
    fill(tmp_path / "2", names[::-1])
    os.utime(tmp_path / "2" / "b", (1, 1))
    assert packed(tmp_path / "1") == packed(tmp_path / "2")


def test_what_is_in_a_layer(tmp_path: Path) -> None:
    fill(tmp_path / "t", ["b", "a/x"])
    with tarfile.open(fileobj=io.BytesIO(packed(tmp_path / "t"))) as layer:
        entries = {entry.name: entry for entry in layer}
    assert list(entries) == ["a", "a/x", "b", "link", "z"]
    assert entries["link"].linkname == "./a/../b"
    assert entries["z"].islnk()
    assert entries["z"].linkname == "b"
    assert entries["b"].mode == 0o644, "no set-id bit is kept"
    assert {(e.uid, e.gid, e.uname, e.mtime) for e in entries.values()} == {(0, 0, "", EPOCH)}


def test_a_socket_is_no_content(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with raises_code(KernelError, "kernel-layer-file"):
            packed(tmp_path)


def test_what_is_known_of_a_layer_is_remembered(tmp_path: Path) -> None:
    layer = LayerFile(tmp_path / "layer.tar.gz", "type", "sha256:a", 1, "sha256:b", 2)
    assert LayerFile.recall(tmp_path / "layer.json") is None
    layer.remember(tmp_path / "layer.json")
    assert LayerFile.recall(tmp_path / "layer.json") == layer
    assert layer.descriptor == {"mediaType": "type", "digest": "sha256:a", "size": 1}
