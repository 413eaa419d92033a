"""Values of an instruction, sealed to the stations and whoever combines, and opened again."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from phtlab.errors import SealFormatError
from phtlab.files.cargo_archive import unpack
from phtlab.files.values_archive import pack_values
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import round_context
from phtlab.train.sealing import open_sealed, seal

_ENDING: Final = ".safetensors"
MAX_NAMES: Final = 1_000
"""Most values in one archive."""


def seal_values(
    values: Mapping[str, bytes],
    *,
    journey: str,
    order: Order,
    number: int,
    roster: Roster,
    combiner: Identity,
) -> bytes:
    """Seal `values`, each a safetensors file, for round `number`.

    To every station of `order`, and to the `combiner`, who may lose them. Raises NotOnRosterError
    for a station that has left.
    """
    stations = [roster.member(station).keys.age for station in order.stations]
    sealed = io.BytesIO()
    context = round_context(journey, order, "values", number)
    seal(io.BytesIO(pack_values(values)), sealed, [*stations, combiner.public.age], context)
    return sealed.getvalue()


def open_values(
    sealed: bytes,
    *,
    journey: str,
    order: Order,
    number: int,
    combiner: Identity,
    names: Iterable[str],
) -> dict[str, bytes]:
    """Return what `seal_values` sealed for round `number`. Raises SealError."""
    archive = io.BytesIO()
    context = round_context(journey, order, "values", number)
    open_sealed(io.BytesIO(sealed), archive, combiner.age, context)
    return unpacked_values(archive.getvalue(), names)


def unpacked_values(archive: bytes, names: Iterable[str] | None = None) -> dict[str, bytes]:
    """Return the values in `archive`. Raises SealFormatError for others than `names`, if given."""
    declared = _declared(archive) if names is None else tuple(map(_value, names))
    with tempfile.TemporaryDirectory(prefix="phtlab-values-") as temporary:
        path, contents = Path(temporary) / "values.tar", Path(temporary) / "contents"
        path.write_bytes(archive)
        contents.mkdir()
        present = unpack(path, contents, declared)
        return {name: (contents / f"{name}{_ENDING}").read_bytes() for name in present}


def _declared(archive: bytes) -> tuple[Output, ...]:
    """Return a declaration of each value in `archive`, which may be hostile."""
    found: list[Output] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                if member.name.endswith(_ENDING):
                    found.append(_value(member.name.removesuffix(_ENDING)))
                if len(found) > MAX_NAMES:
                    raise ValueError
    except (tarfile.TarError, EOFError, ValueError, ValidationError):
        raise SealFormatError(
            "The opened values are no archive of values.",
            "Whoever sealed them runs another version, or is broken or hostile: ask them.",
            code="seal-archive",
        ) from None
    return tuple(found)


def _value(name: str) -> Output:
    return Output(name=name, kind="model")
