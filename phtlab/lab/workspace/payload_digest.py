"""The name of what a notebook would send: the same for the page that checked it and its file."""

from __future__ import annotations

import json
from dataclasses import asdict

from phtlab.notebook import Analysis
from phtlab.train.canonical import digest


def payload_digest_of(analysis: Analysis) -> str:
    """`sha256:…` of what an author signs, as far as the notebook decides it.

    That is the train's name, the cells that travel with their language, and what is declared of
    parameters, outputs and data sets. Outputs, notes and local cells change nothing.
    """
    signed = {
        "name": analysis.name,
        "notebook": digest(analysis.travelling()),
        "parameters": analysis.parameters.schema,
        "outputs": [asdict(output) for output in analysis.outputs],
        "datasets": list(analysis.datasets),
    }
    return digest(json.dumps(signed, ensure_ascii=True, sort_keys=True).encode())
