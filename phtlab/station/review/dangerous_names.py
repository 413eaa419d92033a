"""Imports and names in Python cells that a reader should check. Nothing is run.

They do no harm in the sandbox by themselves. They can hide the meaning of code from a reader, or
probe the limits of the sandbox.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from phtlab.station.review.examination import Import, Remark
from phtlab.station.review.reader_hints import profile
from phtlab.station.review.visible_source import latin

_COMPUTED = "reaches a name that is computed"


def imports_of(cell: int, tree: ast.Module) -> Iterator[Import]:
    """Yield the modules that a cell imports, at any level."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=alias.name, cell=cell, line=node.lineno)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield Import(module=module, cell=cell, line=node.lineno)


def remarks_of(cell: int, tree: ast.Module) -> Iterator[Remark]:
    """Yield a remark for each name that a reader should check, in order of lines."""
    found = sorted(_found(tree), key=lambda found_name: found_name[0])
    for line, what, why in dict.fromkeys(found):
        yield Remark(code="name", sentence=f"{what}: {why}", cell=cell, line=line)


def _found(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    known = profile()
    for imported in imports_of(0, tree):
        if why := known.modules.get(imported.module.split(".")[0]):
            yield imported.line, f"import {imported.module}", why
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in known.names:
            yield node.lineno, node.id, known.names[node.id]
        elif isinstance(node, ast.Attribute) and node.attr in known.attributes:
            yield node.lineno, f".{node.attr}", known.attributes[node.attr]
        elif isinstance(node, ast.Call) and _is_computed_getattr(node):
            yield node.lineno, "getattr", _COMPUTED
        for name in _names_of(node):
            if name != (like := latin(name)) and like.isascii():
                yield getattr(node, "lineno", 1), name, f"is another name than '{like}'"


def _names_of(node: ast.AST) -> Iterator[str]:
    """Yield the names in `node` itself; Python has already normalized them (NFKC)."""
    for field in ("id", "attr", "name", "asname", "arg"):
        if isinstance(name := getattr(node, field, None), str):
            yield name


def _is_computed_getattr(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and not (len(node.args) > 1 and isinstance(node.args[1], ast.Constant))
    )
