"""The enumerated causes of an error, and the sentence of each: one table for inside and outside.

`publish` and `dataset` raise their errors by a code of this table, and fill its sentence in whole.
A station gets the code and the `SLOTS` from the run, checks each word, and fills in what it knows;
"…" stands for the rest (`phtlab.station.airlock.errors.error_sentence`).
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

PYTHON = {
    "no-module": "There is no module '{module}' in the kernel image.",
    "no-import": "There is no '{name}' in '{module}'.",
    "undefined-name": "The name '{name}' is not defined.",
    "unassigned-name": "The name '{name}' has no value yet where it is used.",
    "no-key": "There is no key or column '{key}'.",
    "no-column": "There is no column '{key}'.",
    "no-columns": "There is no column {columns}.",
    "no-attribute": "An object of type {type} has no attribute '{name}'.",
    "no-module-attribute": "The module '{module}' has no '{name}'.",
    "no-type-attribute": "The type {type} has no attribute '{name}'.",
    "no-file": "There is no file '{key}' in the sandbox.",
    "operands": "{sign} is not possible between {type} and {other}.",
    "concatenation": "{type} and {other} cannot be put together with +.",
    "not-callable": "An object of type {type} cannot be called.",
    "not-iterable": "An object of type {type} cannot be gone through.",
    "not-indexable": "An object of type {type} cannot be indexed.",
    "not-assignable": "An object of type {type} cannot be assigned to by index.",
    "no-length": "An object of type {type} has no length.",
    "argument-missing": "The call of {call}() lacks the argument '{name}'.",
    "argument-unknown": "{call}() knows no argument '{name}'.",
    "argument-number": "{call}() is called with too many or too few arguments.",
    "not-a-number": "A text cannot be read as a number.",
    "not-a-whole-number": "A text cannot be read as a whole number.",
    "truth-value": "A whole {type} is neither true nor false: use .any() or .all().",
}
"""Which error has which of them: `phtlab.runtime.error_cause`."""

RECEIVED = {
    "receive-undeclared": "the train declares no received value '{key}'.{known}",
    "receive-default": "nothing was handed on as '{key}', and receive() has no default=.",
    "receive-default-arrays": "the default of '{key}' has other arrays than arrays= declares.",
    "receive-default-shape": (
        "the array '{array}' of the default of '{key}' has another shape than arrays= declares."
    ),
    "receive-default-bounds": (
        "the default of '{key}' has a number beyond lowest= or highest=, in '{array}'."
    ),
    "receive-sent": "send() gave another value for '{key}' than receive() declares with arrays=, "
    "lowest= and highest=.",
}
"""Of `ReceiveError`."""

KEPT = {
    "keep-outside": "{call}() works in round cells alone: what station cells compute is computed "
    "again if the container is lost.",
    "keep-name": "{key!r} cannot name what is kept. Use lower-case letters, digits and "
    "underscores, beginning with a letter, at most 63 of them.",
    "keep-value": "'{key}' cannot be kept: it is a {type} that is not numeric. Keep a number, an "
    "array, or a dict of them. Of a random generator keep a number that seeds the next one.",
    "keep-array": "'{key}' cannot be kept: its array '{array}' is empty, or its name is too long.",
    "kept-default": "nothing was kept as '{key}' yet, and kept() has no default=.",
}
"""Of `KeepError`."""

DATASETS = {
    "dataset-unknown": "there is no data set '{key}' here.{known}",
    "dataset-file": "data set '{dataset}' is declared, but {path} does not exist. The one who "
    "declared it must mend its path.",
    "dataset-type": "data set '{dataset}' declares the type '{declared}'.{known}",
    "dataset-configuration": "no data sets are configured here. Fetch a station's twin with "
    "phtlab.connect(), or set PHTLAB_DATASETS to a JSON file of the form "
    '{{"heart": {{"path": "heart.csv", "format": "csv", "columns": {{"age": "integer"}}}}}}.',
    "dataset-declarations": "PHTLAB_DATASETS={path}: {reason}",
    "dataset-doubled": "data set '{dataset}' has more than one column of the name {names}. Mend "
    "the file.",
    "dataset-column": "data set '{dataset}' lacks the declared column '{column}'. Mend the "
    "declaration or the file.",
    "dataset-columns": "data set '{dataset}' lacks the declared columns {columns}. Mend the "
    "declaration or the file.",
    "dataset-values": "data set '{dataset}': column '{column}' holds values that are not of its "
    "declared type {declared}. Mend the declaration or the file.",
    "dataset-unreadable": "data set '{dataset}': {path} is not readable as {format}.",
}

ARGUMENTS = {
    "output-name": "{key!r} cannot name an output. Use lower-case letters, digits and "
    "underscores, beginning with a letter, at most 63 of them.",
    "output-kind": "output '{output}': there is no kind {given!r}.{known}",
    "output-counts": "output '{output}': counts= names the column of counts in a table or in a "
    "figure's data, and this is a {kind} with counts={counts!r}.",
    "output-columns": "output '{output}': by=, total= and largest= are about a table with counts=.",
    "output-total-largest": "output '{output}': give total= and largest= together. Stations check "
    "a sum by the largest contributions to it.",
    "output-total": "output '{output}': total= names one column.",
    "output-of": "output '{output}': of= is about a scalar that is no count itself, or about a "
    "model.",
    "output-of-number": "output '{output}': of= is a whole number of persons, 0 or more.",
    "output-tensors": "output '{output}': tensors= names the arrays of a model.",
    "output-statistic": "output '{output}': statistic= says that a scalar is the 'max' or the "
    "'min' of all values, or a 'quantile'.",
    "output-where": "output '{output}': where= says of what has counts= which persons it counts, "
    'a label for each column, such as {{"sex": "female"}}.',
    "output-to": "output '{output}': to= is 'researcher', 'next' or 'both', and only a model or a "
    "scalar can be handed on to the next station.",
    "output-names": "output '{output}': {argument}= names a column, or several in a list.",
    "output-tensor": "output '{output}': it does not say that it has an array '{array}'. Names "
    "leave with the numbers, so they are declared: add tensors=[…] with the names of all arrays; "
    "'layer*.weight' stands for layer0.weight, layer1.weight and so on.",
    "output-column": "output '{output}': it has no column '{key}'.",
    "output-numbers": "output '{output}': column '{key}' holds no numbers.",
    "output-undeclared": "output '{key}' is not declared by this train (declared: {declared}). "
    "Publish it in a station cell with its name written out, and build the train again.",
    "output-arguments": "output '{output}' was published with other by=, total=, largest=, of=, "
    "statistic=, tensors=, where= or to= than it is declared with. Write them out in the publish "
    "call, and build the train again.",
    "output-declaration": "output '{output}' is declared as kind={declared_kind!r}, "
    "counts={declared_counts!r}, and was published as kind='{kind}', counts={counts!r}. Write "
    "kind and counts out in the publish call, and build the train again.",
    "output-twice": "output '{output}' was published already. Each output is published once; give "
    "the second one a name of its own.",
    "counts-column": "{kind} '{output}': counts={key!r} names no column of it.{there}",
    "counts-values": "{kind} '{output}': the counts column '{key}' must hold whole numbers of 0 "
    "or more, none missing.",
}

VALUES = {
    "scalar-integer": "output '{output}' is an integer that 64 bits do not hold.",
    "scalar-infinite": "output '{output}' is infinite, which a scalar cannot be.",
    "scalar-type": "output '{output}': a scalar is one bool, int or float, and this is a {type}. "
    "Publish text or several values as a table: "
    "phtlab.publish('{output}', {{'column': [...]}}).",
    "scalar-count": "output '{output}' is declared as a count, and a count is a whole number of 0 "
    "or more.",
    "file-type": "output '{output}': a file is a path or bytes, and this is a {type}.",
    "file-missing": "output '{output}': there is no file {path}. Write it, then publish it.",
    "table-type": "table '{output}': a table is a DataFrame, a Series or a dict of columns, and "
    "this is a {type}.{hint}",
    "table-series": "table '{output}': the Series has no name. Add .rename('...').to_frame().",
    "table-series-index": "table '{output}': its index would be lost. Add .reset_index(name='n'), "
    "which makes columns of the index and names the Series.",
    "table-index": "table '{output}': its index {levels} would be lost. Add .reset_index(), which "
    "makes columns of it.",
    "table-single": "table '{output}': column {key!r} is a {of_type}: write a list, even of one "
    "value.",
    "table-lengths": "table '{output}': the columns of the dict have different lengths.",
    "table-levels": "table '{output}' has column names in {number} levels. Join them: "
    "frame.columns = ['_'.join(map(str, c)) for c in frame.columns].",
    "table-label": "table '{output}': a column is named {label!r} ({of_type}), and names are "
    "text. Add .rename(columns=str), or give it a name.",
    "table-doubled": "table '{output}' has two columns named '{key}'. Rename one.",
    "table-empty": "table '{output}' has no columns.",
    "table-wide": "table '{output}' has {number} columns; at most {most} can be published.",
    "table-long": "table '{output}' has {number} rows; at most {most} can be published. Aggregate "
    "it: what leaves a station describes groups, not persons.",
    "table-column-type": "table '{output}': column '{key}' is of type {dtype}. {advice}",
    "table-mixed": "table '{output}': column '{key}' holds values of type {types}. A column has "
    "one type: integer, number, string, boolean or date. Convert it, e.g. with .astype(str).",
    "table-integer": "table '{output}': column '{key}' holds an integer that 64 bits do not hold. "
    "Make floats of it with .astype(float).",
    "table-infinite": "table '{output}': column '{key}' holds an infinite number. Leave those "
    "rows out, or replace it by a missing value.",
    "table-times": "table '{output}': column '{key}' has times of day, and a date has none. Add "
    ".dt.normalize() for the day, or .dt.strftime(...) for text.",
    "figure-type": "figure '{output}': a figure is one of matplotlib, and this is a {of_type}. "
    "Draw it with matplotlib, or publish its numbers as a table.",
    "figure-large": "figure '{output}' of {width} by {height} inches has more than {most} pixels "
    "at {dpi} dpi. Set a smaller figsize.",
    "figure-points": "figure '{output}' draws more than {most} points. Aggregate first: a "
    "histogram or a summary in place of single persons.",
    "figure-empty": "figure '{output}' draws nothing. Plot into it, then publish it.",
    "figure-content": "figure '{output}' holds {what}, whose numbers cannot be read back from the "
    "picture. Lines, bars, points, areas and error bars can. Publish the numbers as a table and "
    "draw it in an aggregate cell.",
    "model-empty": "model '{output}' is an empty dict.",
    "model-name": "model '{output}': {key!r} cannot name an array. Use letters, digits and _ . - /",
    "model-type": "model '{output}': a model is a dict of numeric arrays or a fitted scikit-learn "
    "estimator, and this is a {type}. Objects of Python are not published, because opening one "
    "can run its code. Publish its parameters: {{'weights': array, ...}}.",
    "model-values": "model '{output}': '{key}' is not numeric ({of_type} of {dtype}). A model is "
    "numbers alone; encode words as numbers first.",
    "model-unfitted": "model '{output}': this {of_type} has no fitted parameters that may leave, "
    "such as coef_. {advice}",
}

OURS = DATASETS | RECEIVED | KEPT | ARGUMENTS | VALUES
"""The messages of `DatasetError`, `ReceiveError`, `KeepError` and `PublishError`."""

SENTENCES: Mapping[str, str] = PYTHON | OURS

SLOTS = frozenset(
    (
        *("output", "dataset", "column", "columns", "key", "kind", "argument"),
        *("type", "other", "name", "call", "module", "sign"),
    )
)
"""The fields whose words a run may send with a code. `columns` is a list."""


def slots_of(code: str) -> frozenset[str]:
    """The fields of the code's sentence whose words a station asks for."""
    fields = string.Formatter().parse(SENTENCES[code])
    return frozenset(name for _, name, _, _ in fields if name in SLOTS)


def compose(code: str, parts: Mapping[str, Any]) -> str:
    """The code's sentence, its fields filled with `parts`; "…" for each that is not there."""
    texts = {
        name: ", ".join(map(repr, part)) if isinstance(part, list) else part
        for name, part in parts.items()
    }
    return string.Formatter().vformat(SENTENCES[code], (), _Gaps(texts))


class _Gaps(dict[str, Any]):
    def __missing__(self, name: str) -> _Gap:
        return _Gap()


class _Gap:
    def __repr__(self) -> str:
        return "…"
