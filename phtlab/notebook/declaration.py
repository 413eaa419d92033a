"""Parameters as annotated assignments, read without running them.

min_age: Annotated[int, Interval(ge=18, le=100)] = 40   # youngest age in years
min_age: int = 40                                       # 18..100: youngest age in years
outcome: Literal["any", "severe"] = "any"
outcome: str = "any"                                    # one of: any, severe
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any

from phtlab.errors import ParameterError
from phtlab.notebook.cell import Cell
from phtlab.notebook.finding import Finding, error
from phtlab.notebook.parameters import ParameterSchema, check_name, check_property
from phtlab.notebook.syntax import parse_expression

_SIMPLE = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
# Constraints of annotated_types: their arguments in order, and the JSON Schema keyword of each
_INTERVAL = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_CONSTRAINTS: dict[str, tuple[str, ...]] = {
    "Interval": (),  # takes keywords only
    "Gt": ("gt",),
    "Ge": ("ge",),
    "Lt": ("lt",),
    "Le": ("le",),
    "MultipleOf": ("multiple_of",),
    "MinLen": ("min_length",),
    "MaxLen": ("max_length",),
    "Len": ("min_length", "max_length"),
}
_FORMS = (
    "int, float, str, bool, Literal[…], list[…], or Annotated[…] of these with "
    "annotated_types' Interval, Ge, Gt, Le, Lt, MultipleOf, Len, MinLen, MaxLen"
)
_NUMBER = r"[-+]?(?:\d[\d_]*)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(
    rf"(?P<low>{_NUMBER})?\s*\.\.\s*(?P<high>{_NUMBER})?(?P<rest>(?:\s*[:;,]|\s|$).*)?"
)
_CHOICE = re.compile(r"one of:?\s+(?P<choices>[^;]+)(?:;(?P<rest>.*))?")

# Finding code for each code of a schema error; any other error is about the default's value.
_CODES = {
    "parameter-schema": "parameter-declaration",
    "parameter-name": "parameter-name",
    "parameter-secret": "parameter-secret",
}


class _RefusedError(Exception):
    """A declaration that cannot be read; the message says why."""


def read_parameters(cell: Cell, tree: ast.Module) -> tuple[ParameterSchema, list[Finding]]:
    """Return the schema that a Python parameters cell declares, and findings about it."""
    comments = _comments(cell.source)
    imported = _imports(tree)
    properties: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []

    def refuse(code: str, line: int, why: str) -> None:
        findings.append(error(code, f"cell {cell.number}, line {line}: {why}", cell.number, line))

    for position, statement in enumerate(tree.body):
        line = statement.lineno
        if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass)) or (
            position == 0 and _is_text(statement)
        ):
            continue
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            refuse("parameters-code", line, _other_code(statement))
            continue
        name = statement.target.id
        try:
            check_name(name)
            if name in properties:
                raise _RefusedError(f"the parameter '{name}' is declared twice. Remove one.")
            declared = _annotation(statement.annotation, imported)
            _add_comment(declared, comments.get(statement.end_lineno or line, ""), name)
            if statement.value is not None:
                declared["default"] = _default(name, statement.value)
            check_property(name, declared)
        except _RefusedError as refused:
            refuse("parameter-declaration", line, str(refused))
        except ParameterError as refused:
            refuse(_CODES.get(refused.code, "parameter-default"), line, str(refused))
        else:
            if declared["type"] == "number" and "default" in declared:
                declared["default"] = float(declared["default"])
            properties[name] = declared
    return ParameterSchema(properties), findings


def _other_code(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
        kind = (
            type(statement.value.value).__name__
            if isinstance(statement.value, ast.Constant)
            else "int"
        )
        return (
            f"the parameter '{name}' has no type. Write '{name}: "
            f"{kind if kind in _SIMPLE else 'int'} = …', or move it to a station cell."
        )
    return (
        "a parameters cell holds only imports and declarations such as 'min_age: int = 40'. "
        "Move other code to a station cell."
    )


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imports(tree: ast.Module) -> dict[str, str]:
    """Map each local name to the last part of its import: {'I': 'Interval'}."""
    return {
        alias.asname or alias.name: alias.name
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


def _qualified_name(node: ast.expr, imported: Mapping[str, str]) -> str | None:
    """Return `Literal` for Literal, typing.Literal, t.Literal or an alias of it."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr
    return imported.get(node.id, node.id) if isinstance(node, ast.Name) else None


def _annotation(node: ast.expr, imported: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = parse_expression(node.value)
        except SyntaxError:
            raise _RefusedError(f"the type {node.value!r} cannot be read. Use {_FORMS}.") from None  # type: ignore[attr-defined]
    name = _qualified_name(node.value if isinstance(node, ast.Subscript) else node, imported)
    if not isinstance(node, ast.Subscript):
        if name in _SIMPLE:
            return {"type": _SIMPLE[name]}
        raise _RefusedError(f"the type '{_written(node)}' is not known. Use {_FORMS}.")
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return _choices([_literal(entry) for entry in inner])
    if name in ("list", "List") and len(inner) == 1:
        items = _annotation(inner[0], imported)
        if items["type"] == "array":
            raise _RefusedError("a list of lists is not a parameter. Use a list of simple values.")
        return {"type": "array", "items": items}
    if name == "Annotated":
        declared = _annotation(inner[0], imported)
        for constraint in inner[1:]:
            declared |= _constraint(constraint, declared["type"], imported)
        return declared
    raise _RefusedError(f"the type '{_written(node)}' is not known. Use {_FORMS}.")


def _constraint(node: ast.expr, kind: str, imported: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {"description": node.value}
    name = _qualified_name(node.func, imported) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or name not in _CONSTRAINTS:
        raise _RefusedError(f"the constraint '{_written(node)}' is not known. Use {_FORMS}.")
    if len(node.args) > len(_CONSTRAINTS[name]):
        raise _RefusedError(
            f"the constraint '{_written(node)}' takes keywords, as in Interval(ge=0)."
        )
    given = dict(zip(_CONSTRAINTS[name], map(_literal, node.args), strict=False))
    given |= {keyword.arg or "**": _literal(keyword.value) for keyword in node.keywords}
    size = "Items" if kind == "array" else "Length"
    words = {
        **_INTERVAL,
        "multiple_of": "multipleOf",
        "min_length": f"min{size}",
        "max_length": f"max{size}",
    }
    unknown = set(given) - set(words)
    if unknown:
        raise _RefusedError(f"the constraint '{_written(node)}' has no '{sorted(unknown)[0]}'.")
    return {words[name]: value for name, value in given.items() if value is not None}


def _written(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except ValueError:  # some f-strings cannot be unparsed
        return "…"


def _choices(values: list[Any]) -> dict[str, Any]:
    for python, schema in (("bool", "boolean"), ("int", "integer"), ("str", "string")):
        if all(type(value).__name__ == python for value in values):
            return {"type": schema, "enum": values}
    raise _RefusedError("the choices of Literal are not all text or all whole numbers.")


def _literal(node: ast.expr) -> Any:
    return _evaluated(
        node,
        f"'{_written(node)}' is computed; types and bounds are read without running "
        "anything. Write the value itself.",
    )


def _default(name: str, node: ast.expr) -> Any:
    return _evaluated(
        node,
        f"the default of '{name}' is computed; parameters are read without running anything. "
        "Write the value itself, and compute in a station cell.",
    )


def _evaluated(node: ast.expr, otherwise: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _RefusedError(otherwise) from None


# -- comments


def _comments(source: str) -> dict[int, str]:
    """Map each line to its trailing comment."""
    return {
        token.start[0]: token.string.lstrip("#").strip()
        for token in _tokens(source)
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip()
    }


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError):  # a magic, which the parser's finding reports
        return


def _add_comment(declared: dict[str, Any], comment: str, name: str) -> None:
    """Add to `declared` the bounds, choices and description of a trailing comment."""
    kind = declared["type"]
    rest: str | None = comment
    if (match := _CHOICE.fullmatch(comment)) and kind in ("string", "integer"):
        texts = [text.strip().strip("'\"") for text in match["choices"].split(",")]
        declared["enum"] = [_number(t, kind, name) if kind == "integer" else t for t in texts if t]
        rest = match["rest"]
    elif (match := _RANGE.fullmatch(comment)) and kind in ("integer", "number"):
        if match["low"]:
            declared["minimum"] = _number(match["low"], kind, name)
        if match["high"]:
            declared["maximum"] = _number(match["high"], kind, name)
        rest = match["rest"]
    text = (rest or "").strip().lstrip(":;,-–— ").strip()
    if text:
        declared["description"] = text


def _number(text: str, kind: str, name: str) -> Any:
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        raise _RefusedError(
            f"the comment of '{name}' gives {text!r}, which is not {kind}."
        ) from None
