"""Each reason why no workspace starts: what happened, what to do, and nothing that is secret."""

from __future__ import annotations

from typing import Any

import pytest
from jupyterhub.spawner import SpawnException

from phtlab_spawner import spawn_failure

TOKEN = "7f3e9c1b2a4d4e5f8a9b0c1d2e3f4a5b"
REASONS = {
    "options": spawn_failure.options_refused(["image", "mem_limit"]),
    "engine": spawn_failure.engine_missing(),
    "no image": spawn_failure.image_missing_failure(),
    "image": spawn_failure.image_missing("phtlab/workspace-python:1", "manifest unknown"),
    "other image": spawn_failure.other_image("debian:12"),
    "network": spawn_failure.network_missing("phtlab-workspaces"),
    "root": spawn_failure.root_missing("/srv/hub/root.json"),
    "root config": spawn_failure.root_config_missing("phtlab-root"),
    "no room": spawn_failure.no_capacity_failure(
        "no suitable node (insufficient resources on 3 nodes)"
    ),
    "refused": spawn_failure.engine_refused("no space left on device"),
    "memory": spawn_failure.exited_early_failure({"ExitCode": 137}, "", "40M"),
    "ended": spawn_failure.exited_early_failure(
        {"ExitCode": 1}, "ModuleNotFoundError: phtlab", "2G"
    ),
    "slow": spawn_failure.too_slow(60, ""),
}


@pytest.mark.parametrize("name", REASONS)
def test_each_says_what_happened_and_what_to_do(name: str) -> None:
    message: str = REASONS[name].message
    assert message[0].isupper() or message.startswith("debian:12")
    assert message.count(". ") >= 1, message
    assert message.endswith(".") or "Its last lines: " in message
    for word in ("Traceback", "Exception", "docker", "None"):
        assert word not in message.replace("docker network", ""), message


def _told(reason: SpawnException) -> str:
    return str(reason.message)


def test_memory_is_named_when_the_kernel_ended_it_either_way() -> None:
    states: list[dict[str, Any]] = [{"OOMKilled": True, "ExitCode": 1}, {"ExitCode": 137}]
    for state in states:
        reason = spawn_failure.exited_early_failure(state, "irrelevant", "40M")
        assert "more memory than the 40M" in _told(reason)
        assert reason.reason == "memory"


def test_the_last_words_of_a_workspace_are_shown_and_no_more() -> None:
    log = "\n".join(f"line {number} " + "word " * 90 for number in range(50))
    told = _told(spawn_failure.exited_early_failure({"ExitCode": 1}, log, "2G"))
    assert "(exit code 1)" in told
    assert "line 49" in told
    assert "line 46" in told
    assert "line 45" not in told
    assert len(told) < 1000
    assert "not said anything" in _told(
        spawn_failure.exited_early_failure({"ExitCode": 1}, "\n", "2G")
    )


@pytest.mark.parametrize(
    "line",
    [
        f"JUPYTERHUB_API_TOKEN={TOKEN}",
        f"Authorization: token {TOKEN}",
        f"GET /user/ada/lab?token={TOKEN}",
        "password=hunter2",
        "the secret: swordfish",
    ],
)
def test_no_token_or_password_of_a_log_reaches_the_page(line: str) -> None:
    for reason in (
        spawn_failure.engine_refused(line),
        spawn_failure.exited_early_failure({"ExitCode": 1}, line, "2G"),
        spawn_failure.too_slow(60, line),
    ):
        for secret in (TOKEN, "hunter2", "swordfish"):
            assert secret not in _told(reason)


def test_a_log_cannot_write_lines_or_colours_of_its_own() -> None:
    told = _told(spawn_failure.engine_refused("no\x1b[31m red\r\nsecond line‮ turned"))
    assert told == " ".join(told.split())
    assert all(character.isprintable() for character in told)


def test_the_engines_words_on_an_image_are_for_the_log_only() -> None:
    reason = spawn_failure.image_missing("registry/x:1", "unauthorized: secret place")
    assert "unauthorized" not in _told(reason)
    assert "unauthorized" in reason.log_message
