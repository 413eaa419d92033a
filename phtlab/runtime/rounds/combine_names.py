"""The names among which combine cells run: in a researcher's kernel, and at an aggregator.

Of a train's notebook only combine cells run there. What its other cells import, and the defaults
that they give to `receive`, is made up for, so that a combine cell finds the same names wherever
it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CombineNames:
    """What the cells of a train say of names.

    Args:
        needed: the names that combine cells read.
        defaults: the expression that each received value has where none was sent yet, by name.
        imports: all imports, in the order of the cells.
    """

    needed: frozenset[str]
    defaults: Mapping[str, ast.expr]
    imports: tuple[ast.stmt, ...]


def read_names(sources: Iterable[str], combine: Iterable[str]) -> CombineNames:
    """Return what `sources`, all cells of a train, say of the names of its cells `combine`."""
    trees = [tree for source in sources for tree in _parsed(source)]
    needed = (node for source in combine for tree in _parsed(source) for node in ast.walk(tree))
    return CombineNames(
        frozenset(node.id for node in needed if isinstance(node, ast.Name)),
        {name: default for tree in trees for name, default in _defaults(tree)},
        tuple(s for tree in trees for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)),
    )


def import_missing(imports: Iterable[ast.stmt], names: dict[str, Any]) -> None:
    """Run those of `imports` among `names` that bind a name which is not there.

    In a new kernel no cell has run that imports what combine cells and defaults need. What cannot
    be imported is needed at stations only, or is missed where it is used.
    """
    for statement in imports:
        bound = {(a.asname or a.name).split(".")[0] for a in getattr(statement, "names", ())}
        if not bound <= names.keys():
            with suppress(ImportError):
                exec(compile(ast.Module([statement], []), "<imports>", "exec"), names)  # noqa: S102


def bind_names(
    names: dict[str, Any],
    cells: CombineNames,
    parameters: Mapping[str, Any],
    received: Mapping[str, Any],
    label: str,
) -> dict[str, Exception]:
    """Bind imports, the order's `parameters`, and what stations received in the round.

    That is `received`, and the default of what is not in it. `label` stands for the defaults'
    file in tracebacks. Return the errors of defaults that cannot be computed among `names`, by
    the name that a combine cell would read.
    """
    import_missing(cells.imports, names)
    names.update(parameters)
    errors: dict[str, Exception] = {}
    for name, default in cells.defaults.items():
        if name in received:
            continue
        try:
            names[name] = eval(compile(ast.Expression(default), label, "eval"), names)  # noqa: S307
        except Exception as error:
            if name in cells.needed:
                errors[name] = error
    names.update(received)
    return errors


def decoded_value(name: str, content: bytes) -> Any:
    """Return the value that was sent as `name`, from its safetensors file.

    Arrays by name, or the array or number itself, which is one under the value's own name.
    """
    from phtlab.runtime.model import decode_tensors

    return value_of(name, decode_tensors(content))


def value_of(name: str, arrays: dict[str, Any]) -> Any:
    """Return the value `name`, whose `arrays` these are: a single array or number as itself."""
    if set(arrays) != {name}:
        return arrays
    array = arrays[name]
    return array if array.ndim else array[()]


def _parsed(source: str) -> Iterator[ast.Module]:
    with suppress(SyntaxError):  # magics: raised, or understood, where the cell runs
        yield ast.parse(source)


def _defaults(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the default of each call of `receive` in `tree`, by the name that it receives."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else None
        called = function.id if isinstance(function, ast.Name) else called
        given = dict(zip(("name", "default"), node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        name, default = given.get("name"), given.get("default")
        if called != "receive" or default is None or not isinstance(name, ast.Constant):
            continue
        if isinstance(name.value, str):
            yield name.value, default
