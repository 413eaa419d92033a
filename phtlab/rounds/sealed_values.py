"""Values of an instruction, sealed to the stations and whoever combines, and opened again."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from phtlab.files.cargo_archive import unpack
from phtlab.files.values_archive import pack_values
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import round_context
from phtlab.train.sealing import open_sealed, seal


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
    if names is None:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            files = [name for name in tar.getnames() if name.endswith(".safetensors")]
        names = [name.removesuffix(".safetensors") for name in files]
    declared = tuple(Output(name=name, kind="model") for name in names)
    with tempfile.TemporaryDirectory(prefix="phtlab-values-") as temporary:
        path, contents = Path(temporary) / "values.tar", Path(temporary) / "contents"
        path.write_bytes(archive)
        contents.mkdir()
        present = unpack(path, contents, declared)
        return {name: (contents / f"{name}.safetensors").read_bytes() for name in present}
