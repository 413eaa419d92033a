"""Proposals as Lab's panel hears of them: live, in words, and answered through central."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from phtlab.wire.api.governance import NewComment
from tests.central.world import World
from tests.governance import documents
from tests.lab.server.conftest import PASSPHRASE, Asking, Event, until
from tests.lab.server.test_dispatch import sound, unlocked


async def in_thread(work: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def proposal_is(**wanted: object) -> Any:
    def told(event: Event) -> bool:
        return event.kind == "proposals" and any(
            all(shown[key] == value for key, value in wanted.items()) for shown in event.data
        )

    return told


async def test_what_stations_say_is_told_as_it_happens(central: World, asking: Asking):
    proposal = documents.proposal()
    signed = proposal.sign(central.identity("ada"))
    ulm = central.client("ulm").governance
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, lambda event: event.kind == "status" and event.data["reads"])
        await in_thread(central.client("ada").governance.submit_proposal, signed)
        await until(events, proposal_is(id=proposal.id, state="submitted", digest=signed.digest))
        await in_thread(ulm.comment, proposal.id, NewComment(text="Why 3?", question=True))
        heard = await until(events, proposal_is(comments=1))
        (shown,) = heard[-1].data
        assert shown["stations"][0] == {
            "station": "ulm",
            "state": "in-review",
            "question": "Why 3?",
            "allows": "",
            "lacks": "",
        }
        yes = documents.approval(proposal, signed).sign(central.identity("ulm"))
        await in_thread(ulm.decide, proposal.id, "ulm", yes)
        heard = await until(
            events,
            lambda event: (
                event.kind == "proposals" and event.data[0]["stations"][0]["state"] == "approved"
            ),
        )
    detail = await asking.get(f"proposals/{proposal.id}")
    (decision,) = detail["decisions"]
    assert (decision["station"], decision["kind"]) == ("ulm", "approved")
    assert decision["sentence"].startswith("ulm allows trains of ada with the notebook")
    assert [(said["author"], said["text"], said["question"]) for said in detail["discussion"]] == [
        ("ulm", "Why 3?", True)
    ]
    assert (await asking.get("proposals"))[0]["id"] == proposal.id


async def test_a_comment_is_said_in_one_s_own_name(central: World, asking: Asking):
    proposal = documents.proposal()
    central.client("ada").governance.submit_proposal(proposal.sign(central.identity("ada")))
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    detail = await asking.post(f"proposals/{proposal.id}/comments", {"text": "Please read it."})
    assert [(said["author"], said["text"]) for said in detail["discussion"]] == [
        ("ada", "Please read it.")
    ]


async def test_what_cannot_be_said_is_refused_in_a_sentence(central: World, asking: Asking):
    proposal = documents.proposal()
    central.client("ada").governance.submit_proposal(proposal.sign(central.identity("ada")))
    path = f"proposals/{proposal.id}/comments"
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    for body in ({"text": ""}, {"text": "x" * 4001}, {"text": "a\x07b"}, {}, {"words": "x"}):
        status, problem = await asking.refused("POST", path, json=body)
        assert 400 <= status < 500, problem
    for name in ("p-1", "p-" + "z" * 16, "sha256:" + "a" * 64, "..%2f..%2fetc"):
        status, problem = await asking.refused("GET", f"proposals/{name}")
        assert (status, problem["code"]) == (404, "no-such-proposal")
    assert (await asking.get(f"proposals/{proposal.id}"))["discussion"] == []


async def test_a_proposal_of_others_is_none(central: World, asking: Asking):
    other = documents.proposal(researcher="bob")
    central.client("bob").governance.submit_proposal(other.sign(central.identity("bob")))
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    status, _ = await asking.refused("GET", f"proposals/{other.id}")
    assert status == 404
    assert await asking.get("proposals") == []


@pytest.fixture
def draft(asking: Asking, jp_root_dir: Path) -> Path:
    """Where the draft of heart.ipynb will be."""
    (jp_root_dir / "heart.ipynb").write_text(json.dumps(sound()))
    return jp_root_dir / "heart.proposal.toml"


def fill_in(draft: Path, title: str) -> None:
    text = draft.read_text()
    for heading in ("question", "legal_ground"):
        text = text.replace(f'{heading} = """\n"""', f'{heading} = """\nYes.\n"""')
    text = re.sub("^title = .*$", f'title = "{title}"', text, flags=re.M)
    draft.write_text(text.replace("stations = []", 'stations = ["ulm"]'))


async def test_a_draft_is_written_once_and_submitted_as_it_was_shown(
    central: World, asking: Asking, draft: Path
):
    path = {"path": "heart.ipynb"}
    await unlocked(asking)
    assert await asking.post("proposals/draft", path) == {"path": draft.name, "made": True}
    status, problem = await asking.refused("POST", "proposals/check", json=path)
    assert (status, problem["code"]) == (409, "proposal-draft")
    assert "title" in problem["message"]
    fill_in(draft, "Age and disease")
    assert await asking.post("proposals/draft", path) == {"path": draft.name, "made": False}

    shown = await asking.post("proposals/check", path)
    assert (shown["version"], shown["title"], shown["stations"]) == (1, "Age and disease", ["ulm"])
    words = {part["heading"]: part["lines"] for part in shown["parts"]}
    assert words["Question"] == [{"mark": " ", "text": "Yes."}]
    fill_in(draft, "Something else")
    body = {**path, "checked": shown["checked"]}
    status, problem = await asking.refused("POST", "proposals/submit", json=body)
    assert (status, problem["code"]) == (409, "proposal-changed")
    assert await asking.get("proposals") == []

    fill_in(draft, "Age and disease")
    detail = await asking.post("proposals/submit", body)
    assert (detail["version"], detail["state"]) == (1, "submitted")
    # What was submitted is followed by another version, or by none.
    status, problem = await asking.refused("POST", "proposals/submit", json=body)
    assert (status, problem["code"]) == (409, "proposal-changed")

    fill_in(draft, "Age alone")
    second = await asking.post("proposals/check", path)
    assert second["parts"] == [
        {
            "heading": "Title",
            "lines": [
                {"mark": "-", "text": "Age and disease"},
                {"mark": "+", "text": "Age alone"},
            ],
        }
    ]
    detail = await asking.post("proposals/submit", {**path, "checked": second["checked"]})
    assert (detail["version"], detail["title"]) == (2, "Age alone")


async def test_a_proposal_is_withdrawn_with_a_reason_for_good(
    central: World, asking: Asking, draft: Path
):
    await unlocked(asking)
    proposal = documents.proposal()
    central.client("ada").governance.submit_proposal(proposal.sign(central.identity("ada")))
    said = {"reason": "Answered elsewhere."}
    detail = await asking.post(f"proposals/{proposal.id}/withdraw", said)
    assert detail["state"] == "withdrawn"
    view = central.client("ulm").governance.proposal(proposal.id)
    assert view.withdrawal is not None
    assert (await asking.get(f"proposals/{proposal.id}"))["state"] == "withdrawn"


async def test_what_is_signed_is_shown_whole(central: World, asking: Asking, draft: Path):
    await unlocked(asking)
    await asking.post("proposals/draft", {"path": "heart.ipynb"})
    fill_in(draft, "Age")
    long = "x" * 1900 + " and this is its end"
    draft.write_text(draft.read_text().replace("Yes.", long, 1))
    shown = await asking.post("proposals/check", {"path": "heart.ipynb"})
    (question,) = [part for part in shown["parts"] if part["heading"] == "Question"]
    assert [line["text"] for line in question["lines"]] == [long]


async def test_without_the_key_nothing_is_written(central: World, asking: Asking, draft: Path):
    for path in ("draft", "check", "submit"):
        body = {"path": "heart.ipynb"}
        if path == "submit":
            body["checked"] = "sha256:" + "0" * 64
        status, problem = await asking.refused("POST", f"proposals/{path}", json=body)
        assert (status, problem["code"]) == (423, "key-locked")
    assert not draft.exists()
