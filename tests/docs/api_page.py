"""docs/reference/api.md: the public names of phtlab, from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any, Final

import phtlab
from phtlab import lab
from tests.docs.markdown import NOTE, sentence

_INTRODUCTION = """\
What `import phtlab` offers. `dataset`, `receive`, `publish`, `keep` and `kept` exist everywhere, in
a station's sandbox too; the others only on an analyst's machine, and `updates`, `report`, `send`
and `finish` only in combine cells. Errors are explained in [errors](errors.md)."""

_VALUES = """\
What is signed and what is believed, as values: frozen, complete, and written in one canonical form.
Nothing here opens a connection, except `Trust`. Fields are those of the JSON that is signed."""

# What someone needs who checks a train, an order, a record or an approval by other means.
TRAIN: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "phtlab.train.documents.manifest",
        ("TrainManifest", "Output", "TrainFile", "KernelRef", "Train"),
    ),
    ("phtlab.train.documents.order", ("Order", "cargo_context")),
    ("phtlab.train.documents.record", ("StopRecord", "OutputVerdict", "CellError")),
    ("phtlab.train.documents.round", ("Instruction", "RoundRecord", "RoundCargo", "round_context")),
    ("phtlab.train.documents.roster", ("Roster", "Catalogue", "KernelImage")),
    ("phtlab.train.crypto.identity", ("Identity", "Member", "PublicKeys")),
    ("phtlab.train.documents.envelope", ("Envelope", "sign_statement", "open_statement")),
    (
        "phtlab.train.verify",
        (
            *("verify_train", "verify_order", "verify_turn", "verify_record", "verify_records"),
            *("verify_instruction", "verify_round_record", "verify_series"),
        ),
    ),
    ("phtlab.train.sealing", ("seal", "open_sealed")),
    ("phtlab.files.sealed_file", ("open_file",)),
    ("phtlab.files.key_file", ("write_key", "read_key")),
    ("phtlab.train.image.composition", ("compose",)),
    ("phtlab.train.image.verification", ("verify_image",)),
    ("phtlab.consortium.enrolment", ("request_membership", "open_request")),
    ("phtlab.trust_store.trust", ("Trust", "Trusted", "root_fingerprint")),
    (
        "phtlab.governance",
        (
            *("Proposal", "Approval", "Revocation", "Refusal", "Withdrawal", "ActiveApprovals"),
            *("Acceptance", "CoverageRequest", "open_proposal", "open_approval", "open_revocation"),
            *("open_refusal", "open_withdrawal", "open_active_approvals", "open_acceptance"),
            *("require_successor", "require_covered", "require_accepted", "assess"),
        ),
    ),
)


def public_names() -> Iterator[tuple[str, Any]]:
    """Each documented name of `phtlab` and `phtlab.lab`, functions before classes."""
    names = {f"phtlab.{n}": getattr(phtlab, n) for n in phtlab.__all__ if n != "__version__"}
    for name in lab.__all__:
        if name not in phtlab.__all__:
            names[f"phtlab.lab.{name}"] = getattr(lab, name)
    yield from sorted(names.items(), key=lambda item: (inspect.isclass(item[1]), item[0]))


def train_values() -> Iterator[tuple[str, str, Any]]:
    """Module, name and value of what is documented of what is signed."""
    for module, names in TRAIN:
        for name in names:
            yield module, name, getattr(import_module(module), name)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class of phtlab defines, in its own order.

    Those of a base that is not public itself come first: they are documented nowhere else.
    """
    public = {value for _, value in public_names()}
    bases = [base for base in kind.__mro__[1:] if base.__module__.startswith("phtlab.lab.")]
    own = [*(base for base in reversed(bases) if base not in public), kind]
    for name, value in [item for owner in own for item in vars(owner).items()]:
        if not name.startswith("_") and name not in ("model_config",):
            inner = getattr(value, "func", None) or getattr(value, "__func__", None) or value
            if inspect.isfunction(inner) or isinstance(value, property):
                yield name, value


def page() -> str:
    lines = ["# Python", "", NOTE, "", _INTRODUCTION, ""]
    for name, value in public_names():
        lines += [f"## {name}", ""]
        if inspect.isclass(value):
            lines += _fields(value) or []
            lines += [*_docstring(value), ""]
            for member, inner in members(value):
                lines += [f"- {_member(member, inner)}"]
            lines += [""]
        else:
            lines += ["```python", _signature(name.split(".")[-1], value), "```", ""]
            lines += [*_docstring(value), ""]
    lines += ["## phtlab.train", "", _VALUES, ""]
    heading = ""
    for module, name, value in train_values():
        if module != heading:
            heading = module
            lines += [f"### {module}", ""]
        if inspect.isclass(value):
            lines += [f"- **`{name}`** {sentence(value.__doc__)}"]
            if fields := getattr(value, "model_fields", None):
                lines[-1] += " Fields: " + ", ".join(f"`{field}`" for field in fields) + "."
            lines += [f"  - {_member(member, inner)}" for member, inner in members(value)]
        else:
            lines += [f"- `{_flat(name, value)}` {sentence(value.__doc__)}{_raised(value)}"]
        lines += [""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _docstring(value: Any) -> list[str]:
    text = inspect.getdoc(value) or ""
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    # Google's sections as lists.
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        if line in ("Args:", "Raises:", "Returns:"):
            section = line
            lines += ["Arguments:" if line == "Args:" else line, ""]
        elif re.match(r"    \S", line) and section == "Returns:":
            lines += [line.strip()]
        elif re.match(r"    \S", line):
            name, colon, rest = line.strip().partition(":")
            lines += [f"- `{name}`:{rest}" if colon else f"- {line.strip()}"]
        elif re.match(r"        +\S", line):
            lines[-1] += " " + line.strip()
        else:
            lines += [line]
    return lines


def _fields(kind: type) -> list[str]:
    fields = getattr(kind, "__dataclass_fields__", {})
    if not fields:
        return []
    return ["Fields: " + ", ".join(f"`{name}: {f.type}`" for name, f in fields.items()), ""]


def _member(name: str, value: Any) -> str:
    if isinstance(value, property):
        return f"`.{name}` {sentence(value.fget.__doc__)}".rstrip()
    inner = getattr(value, "func", None)
    if inner is not None:
        return f"`.{name}` {sentence(inner.__doc__)}".rstrip()
    if isinstance(value, classmethod | staticmethod):
        value = value.__func__
    text = _flat(name, value)
    return f"`.{text}` {sentence(value.__doc__)}{_raised(value)}".rstrip()


def _raised(value: Any) -> str:
    """What the docstring says of errors, where that is not in its first paragraph."""
    parts = (inspect.getdoc(value) or "").split("\n\n")[1:]
    return "".join(f" {sentence(part)}" for part in parts if "Raises" in part)


def _signature(name: str, value: Any) -> str:
    """As it is written, a parameter a line where it is long."""
    flat = f"def {_flat(name, value)}: ..."
    if len(flat) <= 88:
        return flat
    inside = _flat(name, value)[len(name) + 1 :]
    arguments, arrow, result = inside.rpartition(") -> ")
    body = "".join(f"    {part},\n" for part in _split(arguments))
    return f"def {name}(\n{body}){arrow[1:]}{result}: ..."


def _flat(name: str, value: Any) -> str:
    """The signature on one line. Annotations are as the source writes them."""
    signature = inspect.signature(value)
    parts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        part = f"{stars}{parameter.name}: {parameter.annotation}"
        if parameter.default is not parameter.empty:
            part += f" = {_default(parameter.default)}"
        parts.append(part)
    return f"{name}({', '.join(parts)}) -> {signature.return_annotation}"


def _default(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, timedelta):
        return f"timedelta(days={value.days})"
    if value is None or isinstance(value, bool | int | float | tuple):
        return repr(value).replace("'", '"')
    return "..."


def _split(arguments: str) -> list[str]:
    """Arguments apart, at commas outside of brackets."""
    parts, depth, begin = [], 0, 0
    for place, sign in enumerate(arguments):
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and depth == 0:
            parts.append(arguments[begin:place].strip())
            begin = place + 1
    return [*parts, arguments[begin:].strip()]
