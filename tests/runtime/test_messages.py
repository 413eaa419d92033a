"""Our messages are Jupyter's: jupyter_client reads what we write, and the reverse."""

from __future__ import annotations

import pytest
from jupyter_client.session import Session

from phtlab.runtime import messages
from phtlab.runtime.messages import decode, encode

KEY = b"a key"


def test_jupyter_client_accepts_what_we_send():
    identifier, frames = encode(KEY, "session", "execute_request", {"code": "'ü'"})
    theirs = Session(key=KEY)

    _, parts = theirs.feed_identities(frames)
    message = theirs.deserialize(parts)

    assert message["header"]["msg_type"] == "execute_request"
    assert message["header"]["msg_id"] == identifier
    assert message["content"] == {"code": "'ü'"}


def test_we_accept_what_jupyter_client_sends():
    theirs = Session(key=KEY)
    parent = theirs.msg("execute_request")
    sent = theirs.serialize(theirs.msg("stream", {"text": "ü"}, parent=parent), ident=b"topic")

    message = decode(KEY, sent)

    assert message is not None
    assert (message.type, message.parent) == ("stream", parent["header"]["msg_id"])
    assert message.content == {"text": "ü"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda frames: [*frames[:-1], b'{"status": "ok"}'],
        lambda frames: [frames[0], b"0" * 64, *frames[2:]],
        lambda frames: frames[:4],
        lambda frames: frames[1:],
        lambda frames: [],
    ],
)
def test_forged_or_cut_messages_are_dropped(forge):
    _, frames = encode(KEY, "session", "execute_reply", {"status": "error"})

    assert decode(KEY, forge(frames)) is None


@pytest.mark.parametrize("content", [b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_signed_nonsense_is_dropped(content):
    _, frames = encode(KEY, "session", "stream", {})
    frames = [*frames[:-1], content]
    frames[1] = messages._sign(KEY, frames[2:])

    assert decode(KEY, frames) is None


def test_content_over_the_limit_is_not_parsed(monkeypatch):
    monkeypatch.setattr(messages, "LARGEST_MESSAGE", 100)
    _, frames = encode(KEY, "session", "stream", {"text": "x" * 200})

    message = decode(KEY, frames)

    assert message is not None
    assert (message.content, message.size) == (None, 212)
