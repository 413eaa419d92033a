"""docs/reference/settings.md: every setting, from the classes that read it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import phtlab
from phtlab.central.settings import CentralSettings
from phtlab.station.policy.airlock_actions import (
    FigureActions,
    FileActions,
    ModelActions,
    ScalarActions,
    TableActions,
)
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.policy.month_limits import (
    MonthLimits,
)
from phtlab.station.policy.policy import Allowed, ApprovalRules, HandOn, LimitCaps, Policy, Rule
from phtlab.station.policy.release_rules import ReleaseRules
from phtlab.station.policy.round_rules import RoundRules
from phtlab.station.settings.people import ConsoleSettings, OidcLogin, Person
from phtlab.station.settings.settings import StationSettings
from phtlab_hub.settings import HubSettings, OidcSettings
from tests.docs.markdown import code, ended, heading, table

_INTRODUCTION = """\
Each is read once, by the command that starts the part, except the policy, which is read for every
order. An unknown name is an error that names it. Sizes are bytes or text such as `"64 MiB"`."""

PARTS: Final[tuple[tuple[str, str, type[BaseModel]], ...]] = (
    (
        "Central: `central.toml`",
        "In central's folder. The environment wins: `PHTLAB_CENTRAL_` and the name in capitals, "
        "such as `PHTLAB_CENTRAL_DATABASE`.",
        CentralSettings,
    ),
    (
        "Station: `station.toml`",
        "In the station's folder; [station](../station.md) explains. The environment wins: "
        "`PHTLAB_STATION_` and the name in capitals, with `__` before a nested name.",
        StationSettings,
    ),
    (
        "Policy: `policy.toml`",
        "Beside `station.toml`; [policy](../policy.md) explains.",
        Policy,
    ),
    ("Policy: `[allow]`", 'Who and what may come at all; `"*"` is everyone.', Allowed),
    ("Policy: `[[rules]]`", "The first rule that fits decides in place of `mode`.", Rule),
    ("Policy: `[approval]`", "What needs a signed approval, and whose.", ApprovalRules),
    ("Policy: `[hand_on]`", "On a sequential route, what goes from station to station.", HandOn),
    ("Policy: `[rounds]`", "What this station takes part in, of a journey of rounds.", RoundRules),
    ("Policy: `[release]`", "Who releases what the airlock holds, and until when.", ReleaseRules),
    ("Policy: `[limits]`", "What every run gets.", LimitCaps),
    (
        "Policy: `[month]`",
        "What may leave in a calendar month, for one researcher, of one data set.",
        MonthLimits,
    ),
    ("Policy: `[airlock]`", "What an output must be to leave.", AirlockRules),
    (
        "Policy: `[airlock.tables]`",
        "What a finding of each rule does to a table; [airlock](../airlock.md) explains the rules. "
        "`suppress` takes rows out, `hold` asks a person, `pass` only notes it.",
        TableActions,
    ),
    ("Policy: `[airlock.scalars]`", "The same for a scalar.", ScalarActions),
    ("Policy: `[airlock.figures]`", "The same for a figure and its data.", FigureActions),
    ("Policy: `[airlock.models]`", "The same for a model.", ModelActions),
    ("Policy: `[airlock.files]`", "The same for a file.", FileActions),
    (
        "Console: `[console]` of `people.toml`",
        "In the station's folder; [console](../console.md) explains. Read when the console starts.",
        ConsoleSettings,
    ),
    (
        "Console: `[people.NAME]` of `people.toml`",
        "One part a person, read anew at each request. `phtlab station people add` writes it.",
        Person,
    ),
    (
        "Console: `[oidc]` of `people.toml`",
        "Log in at an identity provider, too.",
        OidcLogin,
    ),
    (
        "Hub: `hub.toml`",
        "In the hub's folder; [hub](../hub.md) explains. Each but those of `[oidc]` may come from "
        "the environment too, as `PHTLAB_HUB_LISTEN` for `listen`.",
        HubSettings,
    ),
    ("Hub: `[oidc]`", "Single sign-on instead of an account file.", OidcSettings),
)

# A variable that phtlab reads and that is not one of the settings above.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "PHTLAB_AGENT": "Set in JupyterLab's kernels: the socket where the key that is unlocked in Lab "
    "is had",
    "PHTLAB_CACHE": "Folder of what may be deleted at any time; else `~/.cache/phtlab`",
    "PHTLAB_CENTRAL": "Central's address; else `central` in `profile.toml`",
    "PHTLAB_CENTRAL_DIRECTORY": "Central's folder, for `phtlab central`",
    "PHTLAB_CONFIG": "Folder with `profile.toml`, keys and the pinned root; else "
    "`~/.config/phtlab`",
    "PHTLAB_CONSORTIUM": "The officers' folder, for `phtlab consortium`",
    "PHTLAB_DATASETS": "A JSON file that names the data sets for `phtlab.dataset` outside a "
    "station",
    "PHTLAB_HUB_DIRECTORY": "The hub's folder with `hub.toml`, for `jupyterhub`",
    "PHTLAB_IN": "Set in the sandbox: the folder of inputs",
    "PHTLAB_JOB": "Set in the sandbox: the job's description",
    "PHTLAB_JOURNEY": "The journey that `phtlab.results()` opens, where a notebook runs for one",
    "PHTLAB_KEY": "The user's key file; else `key` in `profile.toml`",
    "PHTLAB_NEW_PASSPHRASE": "The new passphrase, for `phtlab key passphrase`",
    "PHTLAB_NOTEBOOK": "The notebook that `lab.dispatch()` dispatches, if it cannot be detected",
    "PHTLAB_OUT": "Set in the sandbox: the folder of outputs",
    "PHTLAB_BACKUP_PASSPHRASE": "The passphrase of a station's backup",
    "PHTLAB_PASSPHRASE": "The passphrase of the key in use; for an officer also with the name "
    "behind it, such as `PHTLAB_PASSPHRASE_OFFICER_ADA`",
    "PHTLAB_REGISTRY": "Where this machine reaches the registry, if not where central says",
    "PHTLAB_REPORT": "Set by the demonstration: where its notebook writes the report",
    "PHTLAB_ROOT": "The consortium's `root.json`, pinned on first use where none is",
    "PHTLAB_STATION": "The station's folder, for `phtlab station`; else the current one",
}

_VARIABLE = re.compile(r"PHTLAB_[A-Z]+(?:_[A-Z]+)*")


def settings() -> Iterator[tuple[str, str]]:
    """The heading and the name of each setting."""
    for title, _, kind in PARTS:
        for name in kind.model_fields:
            yield title, name


def variables_in_source() -> set[str]:
    """The names of environment variables that stand in phtlab's code, whole, as a literal."""
    found: set[str] = set()
    for path in Path(phtlab.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and _VARIABLE.fullmatch(text):
                found.add(text)
    return found


def page() -> str:
    lines = heading("Settings", _INTRODUCTION)
    for title, introduction, kind in PARTS:
        lines += [f"## {title}", "", introduction, ""]
        rows = [_row(name, field) for name, field in kind.model_fields.items()]
        lines += table(["setting", "default", "may be", ""], [r for r in rows if r])
    lines += ["## A person's profile: `profile.toml`", ""]
    lines += ["`phtlab join` writes it into the folder `PHTLAB_CONFIG`.", ""]
    lines += table(
        ["setting", ""],
        [
            ["`central`", "Central's address."],
            ["`key`", "The user's key file; a relative path is below the folder."],
        ],
    )
    lines += ["## Environment", ""]
    lines += table(["variable", ""], ([code(n), ended(t)] for n, t in ENVIRONMENT.items()))
    return "\n".join(lines).rstrip() + "\n"


def _row(name: str, field: Any) -> list[str]:
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return []
    if get_origin(field.annotation) is tuple and name == "rules":
        return []
    return [code(name), _default(field), _bounds(field), ended(field.description or "")]


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value in (None, ""):
        return "none"
    if value in ({}, ()):
        return "empty"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple):
        return code("[" + ", ".join(f'"{part}"' for part in value) + "]")
    if isinstance(value, int) and value >= 2**20 and value % 2**20 == 0:
        return code(f'"{value // 2**20} MiB"')
    return code(f'"{value}"' if isinstance(value, str) else value)


def _bounds(field: Any) -> str:
    words = {"ge": "{} or more", "gt": "more than {}", "le": "at most {}"}
    parts = [
        words[name].format(value)
        for part in field.metadata
        for name in words
        if (value := getattr(part, name, None)) is not None
    ]
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        parts.append(", ".join(code(choice) for choice in choices))
    return ", ".join(parts)
