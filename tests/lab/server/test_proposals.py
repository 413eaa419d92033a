"""Proposals as Lab's panel hears of them: live, in words, and answered through central."""

from __future__ import annotations

import asyncio
from typing import Any

from phtlab.wire.governance import NewComment
from tests.central.world import World
from tests.governance import documents
from tests.lab.server.conftest import PASSPHRASE, Asking, Event, until


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
    assert [(said["author"], said["text"], said["question"]) for said in detail["said"]] == [
        ("ulm", "Why 3?", True)
    ]
    assert (await asking.get("proposals"))[0]["id"] == proposal.id


async def test_a_comment_is_said_in_one_s_own_name(central: World, asking: Asking):
    proposal = documents.proposal()
    central.client("ada").governance.submit_proposal(proposal.sign(central.identity("ada")))
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    detail = await asking.post(f"proposals/{proposal.id}/comments", {"text": "Please read it."})
    assert [(said["author"], said["text"]) for said in detail["said"]] == [
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
    assert (await asking.get(f"proposals/{proposal.id}"))["said"] == []


async def test_a_proposal_of_others_is_none(central: World, asking: Asking):
    other = documents.proposal(researcher="bob")
    central.client("bob").governance.submit_proposal(other.sign(central.identity("bob")))
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    status, _ = await asking.refused("GET", f"proposals/{other.id}")
    assert status == 404
    assert await asking.get("proposals") == []
