"""Debian comes from wherever this machine's apt is set to, and from nothing else that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.kernel.debian_sources import archive_of

# The columns of phtlab.kernel.debian_sources: origin, codename, address, release, component, file.
ROWS = """\
Debian\tbookworm-security\tmirror:/sec\tbookworm-security\tmain\t{lists}/sec_main_binary-amd64_Packages
Debian\tbookworm\tmirror:/deb\tbookworm\tmain\t{lists}/deb_main_binary-amd64_Packages.lz4
Debian\tbookworm\tmirror:/deb\tbookworm\tcontrib\t{lists}/deb_contrib_binary-amd64_Packages
Node Source\tnodistro\tmirror:/node\tnodistro\tmain\t{lists}/node_main_binary-amd64_Packages
"""


def rows(folder: Path) -> str:
    (folder / "sec_InRelease").write_text("Suite: bookworm-security\n")
    (folder / "deb_InRelease").write_text("Suite: bookworm\n")
    return ROWS.replace("{lists}", str(folder))


def test_only_debians_main_component_is_taken(tmp_path: Path) -> None:
    archive = archive_of("bookworm", rows(tmp_path), keyring=Path("/k.gpg"))
    assert archive.lines == (
        "deb [signed-by=/k.gpg] mirror:/deb bookworm main",
        "deb [signed-by=/k.gpg] mirror:/sec bookworm-security main",
    )


def test_a_suite_may_be_called_stable_here(tmp_path: Path) -> None:
    found = rows(tmp_path).replace("/deb\tbookworm\t", "/deb\tstable\t")
    assert "deb mirror:/deb stable main" in archive_of("bookworm", found, keyring=None).lines


def test_the_state_is_that_of_the_release_files_and_not_of_their_order(tmp_path: Path) -> None:
    found = rows(tmp_path)
    backwards = "".join(reversed(found.splitlines(keepends=True)))
    before = archive_of("bookworm", found, keyring=None)
    assert archive_of("bookworm", backwards, keyring=None) == before
    (tmp_path / "deb_InRelease").write_text("Suite: bookworm, a day later\n")
    assert archive_of("bookworm", found, keyring=None).state != before.state


@pytest.mark.parametrize("found", ["", "Ubuntu\tnoble\tm\tnoble\tmain\tf\n", ROWS])
def test_a_machine_without_the_suite_leaves_the_mirror_to_mmdebstrap(found: str) -> None:
    archive = archive_of("trixie", found, keyring=None)
    assert archive.lines == ()
    assert archive == archive_of("trixie", "", keyring=None)
