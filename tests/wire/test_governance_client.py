"""The client's methods for proposals, approvals and what stands: what they ask and take."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from phtlab.errors import ApprovalError, CentralError, ProposalError
from phtlab.wire.api.governance import NewComment
from phtlab.wire.api.journeys import ProposalsChanged
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.problem import problem_of
from tests.governance import documents
from tests.raising import raises_code
from tests.wire.test_central_client import ADA, Answer, _client

PROPOSAL = "p-0123456789abcdef"
SIGNED = documents.proposal().sign(ADA)


class Asked:
    """A central that remembers what it was asked, and gives one answer."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = httpx.Response(status, json=answer)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer

    @property
    def line(self) -> str:
        (request,) = self.requests
        return f"{request.method} {request.url.raw_path.decode().removeprefix('/api/v1')}"


def _governance(answer: Answer) -> Any:
    return _client(answer).governance


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda g: g.submit_proposal(SIGNED), "POST /proposals"),
        (lambda g: g.proposal(PROPOSAL), f"GET /proposals/{PROPOSAL}"),
        (lambda g: g.proposals(), "GET /proposals?limit=50&after=0"),
        (
            lambda g: g.proposals(limit=2, before=7, after=3),
            "GET /proposals?limit=2&after=3&before=7",
        ),
        (
            lambda g: g.comment(PROPOSAL, NewComment(text="x")),
            f"POST /proposals/{PROPOSAL}/comments",
        ),
        (lambda g: g.withdraw(PROPOSAL, SIGNED), f"POST /proposals/{PROPOSAL}/withdrawal"),
        (
            lambda g: g.begin_review(PROPOSAL, "ulm", SIGNED.digest),
            f"PUT /proposals/{PROPOSAL}/reviews/ulm",
        ),
        (lambda g: g.decide(PROPOSAL, "ulm", SIGNED), f"PUT /proposals/{PROPOSAL}/decisions/ulm"),
        (lambda g: g.put_approval(SIGNED), "POST /approvals"),
        (lambda g: g.put_revocation(SIGNED), "POST /revocations"),
        (lambda g: g.approvals(), "GET /approvals"),
        (
            lambda g: g.approvals(station="ulm", proposal=PROPOSAL),
            f"GET /approvals?station=ulm&proposal={PROPOSAL}",
        ),
        (lambda g: g.put_active_approvals("ulm", SIGNED), "PUT /standing/ulm"),
        (lambda g: g.active_approvals("ulm/../x"), "GET /standing/ulm%2F..%2Fx"),
        (lambda g: g.accept(SIGNED), "POST /acceptances"),
        (lambda g: g.acceptances(), "GET /acceptances"),
    ],
)
def test_each_method_asks_its_route_and_takes_no_foreign_answer(call: Any, line: str) -> None:
    central = Asked({"foreign": True})
    with raises_code(CentralError, "central-answer"):
        call(_governance(central))
    assert central.line == line


def test_a_list_with_more_than_it_should_hold_is_refused() -> None:
    with pytest.raises(CentralError):
        _governance(Asked([{"digest": SIGNED.digest, "approved": True}])).approvals()


@pytest.mark.parametrize(
    "error",
    [
        ProposalError("A version is missing.", code="proposal-version"),
        ApprovalError("Central has a newer one.", code="standing-rolled-back"),
    ],
)
def test_a_refusal_is_the_error_that_central_named(error: Any) -> None:
    problem = problem_of(error, 409, "Conflict").model_dump()
    with raises_code(type(error), error.code) as refused:
        _governance(Asked(problem, 409)).submit_proposal(SIGNED)
    assert (str(refused.value), refused.value.hint) == (str(error), error.hint)


def test_news_of_proposals_come_between_the_others_and_unknown_ones_are_left_out() -> None:
    lines = (
        'event: stations\ndata: []\n\nevent: proposals\ndata: {"changed": 7}\n\n'
        'event: weather\ndata: {"sun": true}\n\nevent: end\ndata: {}\n\n'
    )
    headers = {"Content-Type": "text/event-stream"}
    client = _client(lambda _: httpx.Response(200, text=lines, headers=headers))
    assert list(client.changes()) == [(), ProposalsChanged(changed=7)]


def test_what_is_sent_is_the_envelope_as_it_was_signed() -> None:
    central = Asked({})
    with pytest.raises(CentralError):
        _governance(central).submit_proposal(SIGNED)
    assert json.loads(central.requests[0].content) == json.loads(SIGNED.to_bytes())


def test_without_a_key_nothing_is_asked() -> None:
    central = Asked({})
    with (
        CentralClient(
            "http://central.test", None, transport=httpx.MockTransport(central)
        ) as client,
        raises_code(CentralError, "unauthenticated"),
    ):
        client.governance.proposals()
    assert central.requests == []
