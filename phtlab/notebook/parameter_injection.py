"""Parameter values written into a train's notebook, with papermill's translators.

papermill writes names unescaped, dates as text, and text for Julia and R in Python's escapes:
`$` would interpolate in Julia, and `\\xe9` is a byte there. So names and types are checked here
once more, and text for these two languages is written in their own syntax.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from phtlab.errors import NotebookError, ParameterError
from phtlab.notebook.parameters import check_name
from phtlab.notebook.travelling import written

_PLAIN_TEXT = re.compile(r"[A-Za-z0-9 _.,:;/+*()<>=@~|&?!\[\]-]*")
_PAPERMILLS_NAME = {"r": "R"}
_KNOWN_ESCAPES = ("python", "r", "julia", "bash")


def parameterize(travelling: bytes, values: Mapping[str, Any]) -> bytes:
    """Return the train's notebook with a cell, after the parameters cell, that assigns `values`.

    `values` are the result of ParameterSchema.validate. Raises ParameterError for a name or a value
    that no notebook can hold, or that papermill cannot write in this language; raises NotebookError
    if `travelling` is not a notebook.
    """
    try:
        notebook = json.loads(travelling)
        kernel = notebook["metadata"]["kernelspec"]["name"]
        language = notebook["metadata"]["kernelspec"]["language"]
        cells = notebook["cells"]
        roles = [cell["metadata"]["phtlab"]["role"] for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotebookError(
            "The train's notebook is not one that phtlab wrote.",
            "Build the train again.",
            code="notebook-format",
        ) from None
    for name, value in values.items():
        check_name(name)
        _check_value(name, value, language)
    if not values:
        return written(notebook)
    place = roles.index("parameters") + 1 if "parameters" in roles else 0
    number = cells[place - 1]["metadata"]["phtlab"]["cell"] if place else 0
    injected = {
        "cell_type": "code",
        "execution_count": None,
        "id": "injected-parameters",
        "metadata": {
            "phtlab": {"cell": number, "role": "parameters"},
            "tags": ["injected-parameters"],
        },
        "outputs": [],
        "source": _assignments(kernel, language, values).splitlines(keepends=True),
    }
    return written(notebook | {"cells": [*cells[:place], injected, *cells[place:]]})


def _assignments(kernel: str, language: str, values: Mapping[str, Any]) -> str:
    # Imported here: papermill takes 0.3 s or more, and most callers only read notebooks.
    from papermill.exceptions import PapermillException
    from papermill.translators import JuliaTranslator, RTranslator, papermill_translators

    class R(RTranslator):
        @classmethod
        def translate_escaped_str(cls, str_val: Any) -> str:
            return json.dumps(str_val, ensure_ascii=False)

    class Julia(JuliaTranslator):
        @classmethod
        def translate_escaped_str(cls, str_val: Any) -> str:
            return json.dumps(str_val, ensure_ascii=False).replace("$", "\\$")

    try:
        translator = papermill_translators.find_translator(
            kernel, _PAPERMILLS_NAME.get(language, language)
        )
        own = {RTranslator: R, JuliaTranslator: Julia}.get(translator, translator)
        return str(own.codify(dict(values), "The order's parameters"))
    except (PapermillException, NotImplementedError):
        raise ParameterError(
            f"papermill cannot write these parameters in the language '{language}'.",
            "Use numbers, text and true or false, or remove the parameters.",
            code="parameter-language",
        ) from None


def _check_value(name: str, value: Any, language: str) -> None:
    if isinstance(value, list):
        for entry in value:
            _check_value(name, entry, language)
        return
    if not isinstance(value, (bool, int, float, str)):
        raise ParameterError(
            f"Parameter '{name}' is a {type(value).__name__}, which a notebook's parameters cell "
            "cannot hold.",
            "Use a number, text, true or false, or a list of them; write a date as text.",
            code="parameter-type",
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ParameterError(
            f"Parameter '{name}' takes a finite number, not {value}.", code="parameter-type"
        )
    if (
        isinstance(value, str)
        and language not in _KNOWN_ESCAPES
        and not _PLAIN_TEXT.fullmatch(value)
    ):
        raise ParameterError(
            f"Parameter '{name}' has characters that cannot be written safely in {language}.",
            "Use letters, digits and spaces.",
            code="parameter-characters",
        )
