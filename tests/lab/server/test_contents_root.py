"""Paths that a browser names: below the root, whatever they say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from phtlab.lab.server.contents_root import ContentsRoot
from phtlab.lab.server.refusals import Refusal


@pytest.fixture
def root(tmp_path: Path) -> ContentsRoot:
    folder = tmp_path / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.ipynb").write_text("{}")
    return ContentsRoot(folder)


@pytest.mark.parametrize("path", ["inner/a.ipynb", "/inner/a.ipynb", "inner//a.ipynb/"])
def test_a_path_of_the_contents_api_is_a_file(root: ContentsRoot, path: str):
    found = root.notebook(path)
    assert found == root.folder / "inner" / "a.ipynb"
    assert root.name(found) == "inner/a.ipynb"


@pytest.mark.parametrize("path", ["..", "../x", "inner/../../x", "a\\b", "a\nb", "a\0", "x" * 1001,
    ".ssh/id", "inner/.x", "out", "out/x", "loop", "loop/x"])  # fmt: skip
def test_what_leads_out_is_refused(root: ContentsRoot, path: str):
    (root.folder / "out").symlink_to(root.folder.parent)
    (root.folder / "loop").symlink_to("loop")
    with pytest.raises(Refusal) as refused:
        root.resolve(path)
    assert (refused.value.status, refused.value.code) == (400, "path")


def test_a_link_that_stays_within_is_followed(root: ContentsRoot):
    (root.folder / "link.ipynb").symlink_to("inner/a.ipynb")
    assert root.notebook("link.ipynb") == root.folder / "inner" / "a.ipynb"


@pytest.mark.parametrize("path", ["keys", "keys/a.ipynb", "plain.ipynb"])
def test_a_link_to_what_is_hidden_is_refused(root: ContentsRoot, path: str):
    (root.folder / ".config").mkdir()
    (root.folder / ".config" / "a.ipynb").write_text("{}")
    (root.folder / "keys").symlink_to(".config")
    (root.folder / "plain.ipynb").symlink_to(".config/a.ipynb")
    with pytest.raises(Refusal) as refused:
        root.resolve(path)
    assert (refused.value.status, refused.value.code) == (400, "path")
    shown = ContentsRoot(root.folder, hidden=True)
    assert shown.resolve(path).is_relative_to(root.folder / ".config")


@pytest.mark.parametrize("path", ["", "inner", "b.ipynb", "inner/a.txt"])
def test_what_is_no_notebook_is_said(root: ContentsRoot, path: str):
    (root.folder / "inner" / "a.txt").write_text("")
    with pytest.raises(Refusal) as refused:
        root.notebook(path)
    assert (refused.value.code, refused.value.field) == ("notebook-missing", "path")


def test_a_file_elsewhere_has_no_name_here(root: ContentsRoot, tmp_path: Path):
    assert root.name(tmp_path / "x.ipynb") is None
    assert root.name(root.folder) is None
    assert root.name(root.folder / ".hidden") is None


def test_hidden_files_are_named_where_jupyter_shows_them(root: ContentsRoot):
    shown = ContentsRoot(root.folder, hidden=True)
    assert shown.resolve(".config/x") == root.folder / ".config" / "x"


def test_a_free_name_is_one_that_nothing_has(root: ContentsRoot):
    folder = root.folder / "inner"
    assert root.free(folder, "b", ".ipynb").name == "b.ipynb"
    assert root.free(folder, "a", ".ipynb").name == "a-2.ipynb"
    (folder / "a-2.ipynb").write_text("")
    assert root.free(folder, "a", ".ipynb").name == "a-3.ipynb"


def test_contents_that_are_no_files_are_said():
    for contents in (SimpleNamespace(), SimpleNamespace(root_dir="/no/such/folder")):
        with pytest.raises(Refusal) as refused:
            ContentsRoot.of(contents)
        assert refused.value.code == "no-files"
