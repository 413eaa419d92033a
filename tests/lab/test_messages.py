"""What a researcher reads when what a station sent cannot be shown."""

from __future__ import annotations

from pathlib import Path

from phtlab.files.cargo_archive import unpack
from tests.files.test_cargo_archive import DECLARED, archive, index
from tests.raising import wrong_messages


def test_opened_cargo(tmp_path: Path) -> None:
    cases = {
        "foreign": [("cargo.json", index()), ("other.parquet", b"")],
        "twice": [
            ("cargo.json", index("counts")),
            ("counts.parquet", b"1"),
            ("counts.parquet", b""),
        ],
        "listed": [("cargo.json", index("plot"))],
        "without": [("counts.parquet", b"PAR1")],
        "broken": [("cargo.json", b"{")],
    }
    sealed = {}
    for name, entries in cases.items():
        (tmp_path / name / "to").mkdir(parents=True)
        sealed[name] = archive(tmp_path / name, *entries)
    (tmp_path / "no.tar").write_bytes(b"no archive")

    def opened(name: str) -> object:
        return unpack(sealed[name], tmp_path / name / "to", DECLARED)

    assert not wrong_messages(
        {
            "does not declare ('other.parquet'). Nothing of it is shown": lambda: opened("foreign"),
            "does not declare ('counts.parquet')": lambda: opened("twice"),
            "The cargo lists 'plot' but does not hold it": lambda: opened("listed"),
            "The opened cargo has no index": lambda: opened("without"),
            "The cargo's index cannot be read": lambda: opened("broken"),
            "The opened cargo is not a cargo archive": lambda: unpack(
                tmp_path / "no.tar", tmp_path, DECLARED
            ),
        }
    )
