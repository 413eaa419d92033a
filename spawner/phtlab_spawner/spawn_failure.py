"""Reasons why a workspace did not start, as sentences for its user.

The first sentence says what happened, the second what to do; the hub's log has more for its
operator. No message repeats a token, and a container's own last lines are shown without anything
that could be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jupyterhub.spawner import SpawnException

_LINES = 4
_LONGEST = 200
# Possible secrets: values after such a word, and long words that are neither a path nor dotted.
_SECRET = re.compile(r"(?i)((?:token|secret|password|passphrase|authorization)\S*[=: ]+)\S+")
_LONG = re.compile(r"[A-Za-z0-9_+=-]{24,}")
_KILLED = 137


class WorkspaceFailure(SpawnException):
    """A reason for the workspace's user; `log_message` is for the hub's operator.

    The page of a start shows a SpawnException's class, status and log message, unless it has
    this attribute.
    """

    @property
    def jupyterhub_message(self) -> str:
        return str(self.message)


def options_refused(names: Iterable[str]) -> WorkspaceFailure:
    return WorkspaceFailure(
        f"A workspace takes no options here, and {', '.join(sorted(names))} was asked for. Start "
        "it without; its size follows from your groups.",
        reason="options",
    )


def engine_missing() -> WorkspaceFailure:
    return WorkspaceFailure(
        "The container engine of this hub does not answer, so no workspace can start. Try again "
        "in a minute; if it stays so, tell who runs the hub.",
        reason="engine",
        status_code=503,
    )


def image_missing_failure() -> WorkspaceFailure:
    return WorkspaceFailure(
        "This hub names no workspace image, so no workspace can start. Tell who runs the hub: "
        "'phtlab kernel workspace --load' prints the name for the setting image.",
        reason="image",
        status_code=503,
    )


def image_missing(image: str, explanation: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        f"The workspace image {image} is not on this machine and could not be fetched. Tell who "
        "runs the hub: 'phtlab kernel workspace --load' makes it and loads it.",
        reason="image",
        status_code=503,
        log_message=f"The workspace image {image} cannot be fetched: {explanation}",
    )


def other_image(image: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        f"{image} is not a workspace image: it starts nothing. Tell who runs the hub: 'phtlab "
        "kernel workspace --load' makes one.",
        reason="image",
        status_code=503,
    )


def network_missing(network: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        f"The network of the workspaces, {network}, is missing, so no workspace can start. Tell "
        "who runs the hub to start it again, which makes the network.",
        reason="network",
        status_code=503,
    )


def root_missing(path: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        "The consortium's root is not where the hub was told that it is, so a workspace could "
        "trust nobody. Tell who runs the hub to mend its setting root_json.",
        reason="root",
        status_code=503,
        log_message=f"WorkspaceSpawner.root_json names {path}, which is not a file.",
    )


def root_config_missing(name: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        "The swarm does not hold the consortium's root, so a workspace could trust nobody. Tell "
        "who runs the hub to make the swarm's config that its setting root_config names.",
        reason="root",
        status_code=503,
        log_message=f"SwarmWorkspaceSpawner.root_config names {name}, which the swarm has not: "
        f"docker config create {name} root.json",
    )


def engine_refused(explanation: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        f"The container engine does not start the workspace: {redacted(explanation).rstrip('.')}. "
        "Tell who runs the hub.",
        reason="engine",
        status_code=500,
    )


def no_capacity_failure(explanation: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        "No node of the swarm has taken the workspace yet. Try again in a while; if it stays so, "
        "tell who runs the hub that the nodes may be full.",
        reason="capacity",
        status_code=503,
        log_message=f"No node takes the workspace: {explanation or 'the swarm does not say why'}",
    )


def exited_early_failure(state: Mapping[str, Any], log: str, memory: str) -> WorkspaceFailure:
    """For a container that ended during its start; `state` is the engine's report."""
    code = state.get("ExitCode")
    if state.get("OOMKilled") or code == _KILLED:
        return WorkspaceFailure(
            f"The workspace needs more memory than the {memory} that it may use, and was ended "
            "while it started. Tell who runs the hub that your group needs a larger one.",
            reason="memory",
            status_code=507,
        )
    return WorkspaceFailure(
        f"The workspace ended while it started (exit code {code}). {_last_output(log)}",
        reason="ended",
        status_code=500,
    )


def too_slow(seconds: int, log: str) -> WorkspaceFailure:
    return WorkspaceFailure(
        f"JupyterLab did not answer within {seconds} seconds. Try again; the machine may be busy. "
        f"{_last_output(log)}",
        reason="timeout",
        status_code=504,
    )


def redacted(text: str) -> str:
    """Return `text` on one line, without anything that could be a token or key."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _LONG.sub("…", _SECRET.sub(r"\1…", plain))


def _last_output(log: str) -> str:
    lines = [line for line in (redacted(line) for line in log.splitlines()) if line]
    if not lines:
        return "It had not said anything yet."
    return "Its last lines: " + " / ".join(line[:_LONGEST] for line in lines[-_LINES:])
