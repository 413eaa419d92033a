"""Digest of what a notebook would dispatch: equal for the checked page and an unchanged file."""

from __future__ import annotations

import json
from dataclasses import asdict

from phtlab.notebook import Analysis
from phtlab.train.canonical import digest


def payload_digest_of(analysis: Analysis) -> str:
    """Return the digest, `sha256:…`, of what an author signs, as far as the notebook decides it.

    That is the train's name, its cells with their language, and the declarations of parameters,
    outputs and data sets. Outputs, notes and local cells change nothing.
    """
    signed = {
        "name": analysis.name,
        "notebook": digest(analysis.travelling()),
        "parameters": analysis.parameters.schema,
        "outputs": [asdict(output) for output in analysis.outputs],
        "datasets": list(analysis.datasets),
    }
    return digest(json.dumps(signed, ensure_ascii=True, sort_keys=True).encode())
