"""Values for stations, packed as cargo is and read as cargo is."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.errors import SealFormatError
from phtlab.files.cargo_archive import unpack
from phtlab.files.values_archive import pack_values
from phtlab.train.documents.manifest import Output

BETA, SCALE = Output(name="beta", kind="model"), Output(name="scale", kind="model")


def test_values_are_unpacked_as_they_were_packed(tmp_path: Path) -> None:
    archive = tmp_path / "values.tar"
    archive.write_bytes(pack_values({"scale": b"two", "beta": b"one"}))
    assert unpack(archive, tmp_path, (BETA, SCALE)) == {"beta": BETA, "scale": SCALE}
    assert (tmp_path / "beta.safetensors").read_bytes() == b"one"
    assert (tmp_path / "scale.safetensors").read_bytes() == b"two"


def test_the_same_values_give_the_same_bytes() -> None:
    assert pack_values({"a": b"1", "b": b"2"}) == pack_values({"b": b"2", "a": b"1"})


def test_a_value_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "values.tar"
    archive.write_bytes(pack_values({"beta": b"one", "scale": b"two"}))
    with pytest.raises(SealFormatError):
        unpack(archive, tmp_path, (BETA,))
