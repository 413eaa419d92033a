"""The console's own static files: its pages load nothing from other servers.

htmx is https://htmx.org, release 4.0.1 of the npm package `htmx.org` (Zero-Clause BSD,
`static/htmx-LICENSE`), unmodified.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "static"
_KINDS: Final = {".css": "text/css", ".js": "text/javascript"}
STATIC: Final[Mapping[str, tuple[Path, str]]] = {
    path.name: (path, _KINDS[path.suffix])
    for path in sorted(_FOLDER.iterdir())
    if path.suffix in _KINDS
}
"""Each file by its name in the URL: no other path is ever opened."""
VENDORED: Final[Mapping[str, str]] = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "htmx-sse-4.0.1.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
}
"""SHA-256 of the third-party files."""
