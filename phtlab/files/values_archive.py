"""Values that a combine cell sends to stations, as an archive before sealing.

In the form of a station's cargo, which `cargo_archive.unpack` reads: a tar in PAX format, in a
fixed order, without any time, owner or path of this machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping

from phtlab.files.cargo_archive import FILES, INDEX

(_ENDING,) = FILES["model"]


def pack_values(values: Mapping[str, bytes]) -> bytes:
    """Return the archive of `values`, each a safetensors file, by the names that cells receive."""
    files = {name + _ENDING: content for name, content in sorted(values.items())}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {INDEX: _index(values), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _index(values: Mapping[str, bytes]) -> bytes:
    outputs = [
        {
            "name": name,
            "kind": "model",
            "files": [
                {
                    "path": name + _ENDING,
                    "size": len(content),
                    "sha256": f"sha256:{hashlib.sha256(content).hexdigest()}",
                }
            ],
        }
        for name, content in sorted(values.items())
    ]
    index = {"version": 1, "outputs": outputs}
    return json.dumps(index, indent=1, sort_keys=True).encode() + b"\n"
