"""The messages of errors that are known: how each reads, and what leaves in its place.

`{name}` in a reading, and the like, stands for a word that has to be known as that
(`error_sentence.Vocabulary`), `{keys}` for several columns in quotes, or one key; "…" for anything,
which is dropped. What leaves is ours, with those words in their order, but for `{keys}`: sorted.
Sources: CPython 3.11 to 3.13, pandas 2 and 3, and `phtlab.runtime`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Form(NamedTuple):
    """`leaves` in place of a message that reads as `reading` does, of an error of these classes."""

    classes: tuple[str, ...]
    reading: str
    leaves: str


_IMPORT = ("ImportError", "ModuleNotFoundError")
_NAME = ("NameError", "UndefinedVariableError")

PYTHON: Final[tuple[Form, ...]] = (
    Form(_IMPORT, "No module named '{module}'…", "There is no module '{}' in the kernel image."),
    Form(_IMPORT, "cannot import name '{name}' from '{module}'…", "There is no '{}' in '{}'."),
    Form(
        _IMPORT,
        "Missing optional dependency '{module}'…",
        "There is no module '{}' in the kernel image.",
    ),
    Form(_NAME, "name '{name}' is not defined…", "The name '{}' is not defined."),
    Form(
        ("UnboundLocalError",),
        "cannot access local variable '{name}' where…",
        "The name '{}' has no value yet where it is used.",
    ),
    Form(("KeyError",), "'{key}'", "There is no key or column '{}'."),
    Form(("KeyError",), '"{key}"', "There is no key or column '{}'."),
    Form(("KeyError",), '"[{keys}] not in index"', "There is no column {}."),
    Form(("KeyError",), '"None of [Index([{keys}], dtype=…', "There is no column {}."),
    Form(("KeyError",), '"[{keys}] not found in axis"', "There is no column {}."),
    Form(
        ("AttributeError",),
        "'{type}' object has no attribute '{name}'…",
        "An object of type {} has no attribute '{}'.",
    ),
    Form(
        ("AttributeError",),
        "module '{module}' has no attribute '{name}'…",
        "The module '{}' has no '{}'.",
    ),
    Form(
        ("AttributeError",),
        "type object '{type}' has no attribute '{name}'…",
        "The type {} has no attribute '{}'.",
    ),
    Form(
        ("FileNotFoundError",),
        "[Errno 2] No such file or directory: '{key}'",
        "There is no file '{}' in the sandbox.",
    ),
    Form(
        ("TypeError",),
        "unsupported operand type(s) for {sign}: '{type}' and '{type}'",
        "{} is not possible between {} and {}.",
    ),
    Form(
        ("TypeError",),
        "'{sign}' not supported between instances of '{type}' and '{type}'",
        "{} is not possible between {} and {}.",
    ),
    Form(
        ("TypeError",), "'{type}' object is not callable", "An object of type {} cannot be called."
    ),
    Form(
        ("TypeError",),
        "'{type}' object is not iterable",
        "An object of type {} cannot be gone through.",
    ),
    Form(
        ("TypeError",),
        "'{type}' object is not subscriptable",
        "An object of type {} cannot be indexed.",
    ),
    Form(
        ("TypeError",),
        "'{type}' object does not support item assignment",
        "An object of type {} cannot be assigned to by index.",
    ),
    Form(
        ("TypeError",),
        "object of type '{type}' has no len()",
        "An object of type {} has no length.",
    ),
    Form(
        ("TypeError",),
        "{call}() missing…required positional argument: '{name}'",
        "The call of {}() lacks the argument '{}'.",
    ),
    Form(
        ("TypeError",),
        "{call}() got an unexpected keyword argument '{name}'…",
        "{}() knows no argument '{}'.",
    ),
    Form(
        ("TypeError",),
        "{call}() takes…positional argument…",
        "{}() is called with too many or too few arguments.",
    ),
    Form(
        ("TypeError",),
        'can only concatenate {type} (not "{type}") to {type}',
        "{0} and {1} cannot be put together with +.",
    ),
    Form(
        ("ValueError",),
        "could not convert string to float…",
        "A text cannot be read as a number.",
    ),
    Form(
        ("ValueError",),
        "invalid literal for int() with base 10…",
        "A text cannot be read as a whole number.",
    ),
    Form(
        ("ValueError",),
        "The truth value of a {type} is ambiguous…",
        "A whole {} is neither true nor false: use .any() or .all().",
    ),
    Form(
        ("ValueError",),
        "The truth value of an array…is ambiguous…",
        "A whole array is neither true nor false: use .any() or .all().",
    ),
)

DATASETS: Final[tuple[Form, ...]] = (
    Form(("DatasetError",), "there is no data set '{key}' here…", "There is no data set '{}'."),
    Form(
        ("DatasetError",),
        "data set '{dataset}' lacks the declared column {keys}. Mend…",
        "The data set '{}' lacks the declared column {}. Ask the station's operator.",
    ),
    Form(
        ("DatasetError",),
        "data set '{dataset}' lacks the declared columns {keys}. Mend…",
        "The data set '{}' lacks the declared columns {}. Ask the station's operator.",
    ),
    Form(
        ("DatasetError",),
        "data set '{dataset}' has more than one column of the name…",
        "The data set '{}' has columns of the same name. Ask the station's operator.",
    ),
    Form(
        ("DatasetError",),
        "data set '{dataset}': column '{column}' holds values that are not of its declared type…",
        "In the data set '{}' the column '{}' is not of its declared type. Ask the station's "
        "operator.",
    ),
    Form(
        ("DatasetError",),
        "data set '{dataset}' is declared, but…",
        "The file of the data set '{}' is not there. Ask the station's operator.",
    ),
    Form(
        ("DatasetError",),
        "data set '{dataset}':…is not readable as…",
        "The file of the data set '{}' cannot be read. Ask the station's operator.",
    ),
)


def _publish(reading: str, leaves: str) -> Form:
    return Form(("PublishError",), reading, leaves)


PUBLISHING: Final[tuple[Form, ...]] = (
    _publish(
        "'{key}' cannot name an output…",
        "'{}' cannot name an output: use lower-case letters, digits and underscores.",
    ),
    _publish(
        "output '{key}' is not declared by this train…",
        "The output '{}' is not declared by this train: publish it with its name written out.",
    ),
    _publish(
        "output '{output}' is declared as kind=…",
        "The output '{}' is published as another kind, or with other counts, than it is declared.",
    ),
    _publish("output '{output}' was published already…", "The output '{}' is published twice."),
    _publish(
        "output '{output}': counts= names the column…",
        "The output '{}' has counts= for a kind that has none, or not as text.",
    ),
    _publish(
        "output '{output}' was published with other by=…",
        "The output '{}' is published with another by=, total=, largest=, of=, "
        "statistic=, tensors= or where= than it is declared.",
    ),
    _publish(
        "output '{output}': by=, total= and largest= are about…",
        "The output '{}' has by=, total= or largest=, which are about a table with counts=.",
    ),
    _publish(
        "output '{output}': where= says of what has counts=…",
        "The output '{}' has where=, which is a label for each column of what has counts=.",
    ),
    _publish(
        "output '{output}': give total= and largest= together…",
        "The output '{}' has one of total= and largest=: give both.",
    ),
    _publish(
        "output '{output}': total= names one…", "The output '{}' has a total= that is no name."
    ),
    _publish(
        "output '{output}': of= is about a scalar…",
        "The output '{}' has of=, which is about a model, or a scalar that is no count itself.",
    ),
    _publish(
        "output '{output}': of= is a whole number…",
        "The output '{}' has an of= that is no whole number of 0 or more.",
    ),
    _publish(
        "output '{output}': tensors= names the arrays…",
        "The output '{}' has tensors=, which is about a model.",
    ),
    _publish(
        "output '{output}': statistic= says…",
        "The output '{}' has a statistic= that is none, or for another kind.",
    ),
    _publish(
        "output '{output}': it does not say that it has an array…",
        "The output '{}' has an array that it does not declare: write tensors=[…].",
    ),
    _publish(
        "output '{output}': by= names a column…", "The output '{}' has a by= that names no column."
    ),
    _publish(
        "output '{output}': largest= names a column…",
        "The output '{}' has a largest= that names no column.",
    ),
    _publish("output '{output}': it has no column '{key}'…", "The output '{}' has no column '{}'."),
    _publish(
        "output '{output}': column '{key}' holds no numbers…",
        "The output '{}' has in the column '{}' something else than numbers.",
    ),
    _publish("output '{output}': there is no kind…", "The output '{}' has a kind that is none."),
    _publish(
        "output '{output}': a scalar is one bool, int or float, and this is a {type}. Publish…",
        "The output '{}' is declared as a scalar, and this is a {}.",
    ),
    _publish("output '{output}' is infinite…", "The scalar '{}' is infinite."),
    _publish("output '{output}' is an integer that 64 bits…", "The scalar '{}' is too large."),
    _publish(
        "output '{output}' is declared as a count…",
        "The scalar '{}' is declared as a count, and is no whole number of 0 or more.",
    ),
    _publish(
        "output '{output}': a file is a path or bytes, and this is a {type}.",
        "The output '{}' is declared as a file, and this is a {}.",
    ),
    _publish("output '{output}': there is no file…", "The file of the output '{}' is not there."),
    _publish(
        "table '{output}': a table is a DataFrame, a Series or a dict of columns, and this is a "
        "{type}.…",
        "The output '{}' is declared as a table, and this is a {}.",
    ),
    _publish(
        "table '{output}': its index…would be lost…",
        "The index of the table '{}' would be lost: add .reset_index().",
    ),
    _publish(
        "table '{output}': the Series has no name…",
        "The Series published as '{}' has no name: add .rename('…').to_frame().",
    ),
    _publish(
        "table '{output}' has column names in…levels…",
        "The table '{}' has column names in several levels: join them.",
    ),
    _publish(
        "table '{output}': the columns of the dict have different lengths…",
        "The columns of the table '{}' have different lengths.",
    ),
    _publish(
        "table '{output}': a column is named…",
        "A column of the table '{}' is not named by text: add .rename(columns=str).",
    ),
    _publish(
        "table '{output}' has two columns named '{key}'…",
        "The table '{}' has two columns named '{}'.",
    ),
    _publish("table '{output}' has no columns…", "The table '{}' has no columns."),
    _publish(
        "table '{output}' has…columns; at most…",
        "The table '{}' has too many columns: aggregate.",
    ),
    _publish("table '{output}' has…rows; at most…", "The table '{}' has too many rows: aggregate."),
    _publish(
        "table '{output}': column '{key}' is of type…",
        "The table '{}' has in the column '{}' a type that cannot be published.",
    ),
    _publish(
        "table '{output}': column '{key}' is a…: write a list…",
        "The table '{}' has in the column '{}' a single value in place of a list.",
    ),
    _publish(
        "table '{output}': column '{key}' holds values of type…",
        "The table '{}' has in the column '{}' values of several types: convert it.",
    ),
    _publish(
        "table '{output}': column '{key}' holds an integer that 64 bits…",
        "The table '{}' has in the column '{}' an integer that is too large.",
    ),
    _publish(
        "table '{output}': column '{key}' holds an infinite number…",
        "The table '{}' has in the column '{}' an infinite number.",
    ),
    _publish(
        "table '{output}': column '{key}' has times of day…",
        "The table '{}' has in the column '{}' times of day, and a date has none.",
    ),
    _publish(
        "table '{output}': counts='{key}' names no column of it…",
        "The table '{}' has no column '{}', which counts= names.",
    ),
    _publish(
        "figure '{output}': counts='{key}' names no column of it…",
        "The data of the figure '{}' have no column '{}', which counts= names.",
    ),
    _publish(
        "table '{output}': the counts column '{key}' must hold…",
        "The table '{}' has in its counts column '{}' something else than whole numbers of 0 or "
        "more.",
    ),
    _publish(
        "figure '{output}': the counts column '{key}' must hold…",
        "The figure '{}' has in its counts column '{}' something else than whole numbers of 0 or "
        "more.",
    ),
    _publish(
        "figure '{output}': a figure is one of matplotlib…",
        "The output '{}' is declared as a figure, and is none of matplotlib's.",
    ),
    _publish(
        "figure '{output}' of…has more than…pixels…", "The figure '{}' is too large: set figsize."
    ),
    _publish(
        "figure '{output}' draws more than…points…",
        "The figure '{}' draws too many points: aggregate first.",
    ),
    _publish("figure '{output}' draws nothing…", "The figure '{}' draws nothing."),
    _publish(
        "figure '{output}' holds…whose numbers cannot be read back…",
        "The figure '{}' holds a drawing whose numbers cannot be read back: publish a table.",
    ),
    _publish("model '{output}' is an empty dict…", "The model '{}' is an empty dict."),
    _publish(
        "model '{output}': '{key}' cannot name an array…",
        "The model '{}' names an array '{}', which has other characters than letters, digits and "
        "_ . - /",
    ),
    _publish(
        "model '{output}': '{key}' is not numeric…",
        "The model '{}' has in '{}' something else than numbers.",
    ),
    _publish(
        "model '{output}': a model is a dict of numeric arrays…and this is a {type}. Objects…",
        "The output '{}' is declared as a model, and this is a {}.",
    ),
    _publish(
        "model '{output}': this…has no fitted parameters…",
        "The model '{}' has no fitted parameters that may leave.",
    ),
)

FORMS: Final[tuple[Form, ...]] = (*PYTHON, *DATASETS, *PUBLISHING)
