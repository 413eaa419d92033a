"""How a published number depends on people: one person's value, a count, or a statistic."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from phtlab.notebook.origins import Origins

_LONGEST = 60
_WRAPPERS = frozenset({*("float", "int", "round", "bool", "abs")})
_UNWRAPPED = frozenset({*("item", "tolist", "squeeze", "round", "astype")})
_EXTREMES: dict[str, Literal["max", "min", "quantile"]] = {
    **dict.fromkeys(("max", "amax", "nanmax"), "max"),
    **dict.fromkeys(("min", "amin", "nanmin"), "min"),
    **dict.fromkeys(("quantile", "nanquantile", "percentile", "nanpercentile"), "quantile"),
    **dict.fromkeys(("median", "nanmedian"), "quantile"),
}
_SINGLES = frozenset({*("idxmax", "idxmin", "argmax", "argmin")})
_NUMPY = ("np", "numpy")
_COUNT_COLUMNS = ("n", "count", "counts", "people", "patients")


@dataclass(frozen=True)
class Reduction:
    """A number computed from the frame `of`; `expression` is its last step in the cell."""

    kind: Literal["max", "min", "quantile", "single", "count", "other"]
    of: ast.expr
    expression: str


@dataclass(frozen=True)
class PersonSelection:
    """Some of the people of a data set. `name` is the frame with only them, if it has a name.

    `where` is the `publish` argument that describes them; None if it cannot be read.
    """

    name: str | None
    where: str | None


def quoted(text: str) -> str:
    """Return `text` as a Python literal."""
    plain = text.isprintable() and not set(text) & {'"', "\\"}
    return f'"{text}"' if plain else repr(text)


def written(node: ast.expr) -> str | None:
    """Return `node` as text; None if it is long."""
    text = ast.unparse(node)
    if "\n" in text or len(text) > _LONGEST:
        return None
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def reduction(origins: Origins, value: ast.expr) -> Reduction | None:
    """Return how the number `value` is computed from a frame; None if that is unknown."""
    node = origins.behind(value)
    for _ in range(20):
        match node:
            case ast.Call(func=ast.Name(id=method), args=[first, *_]) if method in _WRAPPERS:
                node = origins.behind(first)
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if (
                method in _UNWRAPPED and not origins.is_frame(inner)
            ):
                node = origins.behind(inner)
            case _:
                break
    match node:
        case ast.Call(func=ast.Name(id="len" | "max" | "min" | "sum" as method), args=[first, *_]):
            return _reduced(origins, method, first, f"{method}()")
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=module), attr=method), args=[first, *_]
        ) if module in _NUMPY:
            return _reduced(origins, method, first, f"{module}.{method}()")
        case ast.Call(
            func=ast.Attribute(value=frame, attr="agg" | "aggregate"),
            args=[ast.Constant(value=str(method)), *_],
        ):
            return _reduced(origins, method, frame, f".agg({quoted(method)})")
        case ast.Call(func=ast.Attribute(value=frame, attr="item")):
            return Reduction("single", frame, ".item()") if origins.is_frame(frame) else None
        case ast.Call(func=ast.Attribute(value=frame, attr=method)):
            return _reduced(origins, method, frame, f".{method}()")
        case ast.Subscript(
            value=ast.Attribute(value=frame, attr="shape"), slice=ast.Constant(value=0)
        ):
            return _reduced(origins, "len", frame, ".shape[0]")
        case ast.Subscript(value=base, slice=index):
            return _accessed(origins, base, index)
    return None


def _reduced(origins: Origins, method: str, frame: ast.expr, expression: str) -> Reduction | None:
    if not origins.is_frame(frame):
        return None
    if method in _EXTREMES:
        return Reduction(_EXTREMES[method], frame, expression)
    if method in _SINGLES:
        return Reduction("single", frame, expression)
    counts = method in ("len", "count", "count_nonzero")
    if counts or (method == "sum" and origins.is_truth(frame)):
        return Reduction("count", frame, expression)
    return Reduction("other", frame, expression)


def _accessed(origins: Origins, base: ast.expr, index: ast.expr) -> Reduction | None:
    """Return the reduction of a value looked up in a frame or in its `describe()`."""
    placed = base.value if isinstance(base, ast.Attribute) and base.attr != "shape" else None
    lookup = placed if placed is not None and base.attr in ("loc", "iloc", "at", "iat") else base  # type: ignore[attr-defined]
    if origins.is_frame(lookup):
        expression = f".{base.attr}[…]" if lookup is placed else "[…]"  # type: ignore[attr-defined]
        return Reduction("single", lookup, expression)
    match origins.behind(lookup):
        case ast.Call(func=ast.Attribute(value=frame, attr="describe")) if isinstance(
            index, ast.Constant
        ):
            method = "quantile" if str(index.value).endswith("%") else str(index.value)
            return _reduced(origins, method, frame, f".describe()[{quoted(str(index.value))}]")
    return None


def people_of(origins: Origins, value: ast.expr) -> str | None:
    """Return an expression for the number of people behind `value`; None if it is unknown."""
    found = reduction(origins, value)
    if found is None:
        rows = origins.frames_behind(value)
        text = written(rows[0]) if len(rows) == 1 else None
        return text and f"len({text})"
    whole = origins.rows(found.of)
    if _is_column(origins, origins.behind(found.of)):
        text = written(found.of)
        return text and f"int({text}.count())"  # people with a value
    text = written(whole) if whole is not None else None
    return text and f"len({text})"


def _is_column(origins: Origins, node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=frame, attr=name):
            return name not in ("values", "T") and origins.is_frame(frame)
        case ast.Subscript(slice=ast.Constant(value=str())):
            return True
    return False


def part_of(origins: Origins, value: ast.expr) -> PersonSelection | None:
    """Return the people that the count `value` is of; None if all, or if it is no known count."""
    found = reduction(origins, value)
    if found is None or found.kind != "count":
        return None
    rows = origins.rows(found.of)
    conditions = _selected(origins, rows) if rows is not None else None
    name = rows.id if isinstance(rows, ast.Name) else None
    if origins.is_truth(found.of) and found.expression not in ("len()", ".count()", ".shape[0]"):
        more, name = _conditions(origins.behind(found.of)), None
        conditions = None if conditions is None or more is None else conditions | more
    if conditions == {}:
        return None
    if conditions is None:
        return PersonSelection(name, None)
    pairs = (f"{quoted(column)}: {quoted(label)}" for column, label in conditions.items())
    return PersonSelection(name, "{" + ", ".join(pairs) + "}")


def _selected(origins: Origins, rows: ast.expr) -> dict[str, str] | None:
    """Return the label of each column that all `rows` share; None if labels cannot express it."""
    match origins.behind(rows):
        case ast.Call() as call if origins.reads(call):
            return {}
        case ast.Subscript(value=ast.Attribute(value=frame, attr="loc"), slice=index) | (
            ast.Subscript(value=frame, slice=index)
        ):
            if isinstance(index, ast.Tuple) and index.elts:
                index = index.elts[0]
            before = origins.rows(frame)
            outer = _selected(origins, before) if before is not None else None
            inner = _conditions(origins.behind(index))
            return None if outer is None or inner is None else outer | inner
    return None


def _conditions(node: ast.expr) -> dict[str, str] | None:
    """Return `(f.sex == "female") & (f.pain == 4)` as a label per column; None for other forms."""
    match node:
        case ast.Compare(
            left=ast.Attribute(attr=column) | ast.Subscript(slice=ast.Constant(value=str(column))),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value=str() | int() as label)],
        ) if not isinstance(label, bool):
            return {column: str(label)}
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            first, other = _conditions(left), _conditions(right)
            if first is None or other is None or set(first) & set(other):
                return None
            return first | other
    return None


def counted_column(origins: Origins, value: ast.expr) -> str | None:
    """Return the column of the table `value` that counts people; None if it is unknown."""
    node = origins.behind(value)
    words: list[str] = []
    named: str | None = None
    for _ in range(40):
        match node:
            case ast.Call(func=ast.Attribute(attr="DataFrame"), args=[ast.Dict() as columns, *_]):
                node = columns
            case ast.Call(func=ast.Attribute(value=inner, attr=name)):
                words.append(name)
                named = named or _name_given(node, name)
                node = origins.behind(inner)
            case ast.Subscript(value=inner) | ast.Attribute(value=inner):
                node = origins.behind(inner)
            case ast.Dict(keys=keys):
                found = [key.value for key in keys if isinstance(key, ast.Constant)]
                return next((column for column in _COUNT_COLUMNS if column in found), None)
            case _:
                break
    if named is not None and set(words) & {"size", "value_counts", "agg"}:
        return named
    return "count" if words[:2] == ["reset_index", "value_counts"] else None


def _name_given(call: ast.Call, argument: str) -> str | None:
    """Return the name given to the counts: by `.rename("n")`, `.reset_index(name="n")`."""
    texts = [argument.value for argument in call.args[:1] if isinstance(argument, ast.Constant)]
    texts += [
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    ]
    if argument in ("rename", "reset_index", "to_frame"):
        return next((text for text in texts if isinstance(text, str)), None)
    if argument == "agg":
        for keyword in call.keywords:
            match keyword.value:
                case ast.Tuple(elts=[_, ast.Constant(value="size" | "count")]):
                    return keyword.arg
    return None
