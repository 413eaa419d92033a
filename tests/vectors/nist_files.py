"""Files of `name = value` lines, as cryptography_vectors has NIST's and the RFCs' vectors."""

from __future__ import annotations

import cryptography_vectors


def entries(path: str, first: str) -> list[dict[str, str]]:
    """The entries of a file; each begins with a line that gives `first`."""
    found: list[dict[str, str]] = []
    with cryptography_vectors.open_vector_file(path, "r") as file:
        for line in file:
            name, equals, value = line.partition("=")
            if not equals or line.startswith("#"):
                continue
            if name.strip() == first:
                found.append({})
            if found:
                found[-1][name.strip()] = value.strip()
    return found
