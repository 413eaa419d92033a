"""Wheels are chosen and unpacked for the image's Python, not for the one that runs this."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from phtlab.errors import KernelError
from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.wheels import download_wheels, unpack_wheels
from tests.raising import raises_code

SITE = "usr/local/lib/python3.11/dist-packages"


def wheel(folder: Path, files: dict[str, str], name: str = "odd-1.0-py3-none-any.whl") -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("odd-1.0.data/", "")
        for path, content in files.items():
            archive.writestr(path, content)
    return folder / name


def unpacked(tmp_path: Path, files: dict[str, str], *drop: str) -> dict[str, str]:
    root = tmp_path / "root"
    root.mkdir()
    unpack_wheels([wheel(tmp_path, files)], root, SITE, drop)
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_each_part_of_a_wheel_has_its_place(tmp_path: Path) -> None:
    found = unpacked(
        tmp_path,
        {
            "odd/__init__.py": "1",
            "odd-1.0.data/purelib/pure.py": "2",
            "odd-1.0.data/platlib/plat.py": "3",
            "odd-1.0.data/data/share/thing": "4",
            "odd-1.0.data/scripts/tool": "5",
            "odd-1.0.data/headers/odd.h": "6",
        },
    )
    assert found == {
        f"{SITE}/odd/__init__.py": "1",
        f"{SITE}/pure.py": "2",
        f"{SITE}/plat.py": "3",
        "usr/local/share/thing": "4",
    }


def test_modes_are_ours(tmp_path: Path) -> None:
    unpacked(tmp_path, {"odd/__init__.py": ""})
    assert (tmp_path / "root" / SITE / "odd").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "root" / SITE / "odd/__init__.py").stat().st_mode & 0o7777 == 0o644


def test_what_is_dropped_is_left_out(tmp_path: Path) -> None:
    files = {
        "odd/__init__.py": "",
        "odd/tests/test_a.py": "",
        "odd/a/tests/b/c.py": "",
        "x.pyx": "",
    }
    assert list(unpacked(tmp_path, files, "*/tests/*", "*.pyx")) == [f"{SITE}/odd/__init__.py"]


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "odd/../../evil.py"])
def test_a_wheel_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with raises_code(KernelError, "kernel-wheel-path"):
        unpacked(tmp_path, {name: ""})


def image_python(tmp_path: Path) -> ImagePython:
    return ImagePython(tmp_path, "3.11", "2.36", "x86_64")


def test_a_wheel_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel(
        shelf,
        {
            "odd.py": "",
            "odd-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n",
            "odd-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n",
            "odd-1.0.dist-info/RECORD": "",
        },
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    lock = tmp_path / "lock"
    lock.write_text(f"odd==1.0 --hash=sha256:{'0' * 64}\n")
    with raises_code(KernelError, "kernel-wheels"):
        download_wheels(lock, image_python(tmp_path), tmp_path / "wheels")


def test_only_wheels_of_the_images_python_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel(shelf, {"odd.py": ""}, "odd-1.0-cp399-cp399-manylinux_2_17_x86_64.whl")
    wheel(shelf, {"odd.py": ""}, "odd-1.0-cp311-cp311-manylinux_2_99_x86_64.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    lock = tmp_path / "lock"
    lock.write_text(f"odd==1.0 --hash=sha256:{'0' * 64}\n")
    with raises_code(KernelError, "kernel-wheels"):
        download_wheels(lock, image_python(tmp_path), tmp_path / "wheels")
