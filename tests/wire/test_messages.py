"""What people read when central or the registry does not answer, or answers what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from phtlab.errors import KernelError
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Roster
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.problem import problem_of
from phtlab.wire.central.token import audience_of, mint, verify
from phtlab.wire.registry.client import Registry
from tests.raising import wrong_messages
from tests.wire.registry_simulator import RegistrySimulator

ADA = Identity.generate("ada")


def test_central() -> None:
    info = {
        "consortium": "pht",
        "audience": "central@pht",
        "registry_url": "http://registry.test",
        "time": datetime.now(UTC).isoformat(),
    }

    def asked(
        answer: httpx.Response | None, identity: Identity | None = ADA
    ) -> Callable[[], object]:
        def route(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/info"):
                return httpx.Response(200, json=info)
            if answer is None:
                raise httpx.ConnectError("refused")
            return answer

        transport = httpx.MockTransport(route)
        return CentralClient(
            "http://central.test", identity, transport=transport, sleep=lambda _: None
        ).stations

    closed = CentralClient(
        "http://central.test", ADA, transport=httpx.MockTransport(lambda _: httpx.Response(200))
    )
    closed.close()
    refusal = problem_of(KernelError("The kernel is not allowed."), 422, "x").model_dump()
    assert not wrong_messages(
        {
            "Central at http://central.test does not answer (refused; tried 3 times)": asked(None),
            "that 'phtlab central run' is up there": asked(None),
            "answered 502 without saying why": asked(httpx.Response(502, content=b"<html>")),
            "not of this API's version 1": asked(httpx.Response(200, json={"a": 1})),
            "The kernel is not allowed.": asked(httpx.Response(422, json=refusal)),
            "This needs a member's key, and none was given": asked(httpx.Response(200), None),
            "was closed here while it was in use": closed.stations,
        }
    )


def test_another_central() -> None:
    body = {
        "consortium": "pht",
        "audience": "central@pht",
        "registry_url": "http://registry.test",
        "time": datetime.now(UTC).isoformat(),
    }
    client = CentralClient(
        "http://central.test",
        ADA,
        consortium=lambda: "other",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)),
    )
    assert not wrong_messages({"serves the consortium pht, not other": client.stations})


def test_the_registry() -> None:
    simulator = RegistrySimulator()

    def client(token: str | None = None) -> Registry:
        return Registry(
            "http://registry.test:5000",
            transport=simulator.transport,
            pause=lambda _: None,
            authorize=None if token is None else lambda _: token,
        )

    name = client().put_blob("trains/ada/heart", b"content")
    assert not wrong_messages(
        {
            "'registry:5000' is not the address of a registry": lambda: Registry("registry:5000"),
            f"did not give blobs/{digest(b'')} of trains/ada": lambda: client().read_blob(
                "trains/ada/heart", digest(b""), 10
            ),
            "is larger than the 3 bytes": lambda: client().read_blob("trains/ada/heart", name, 3),
        }
    )
    simulator.token = "t"
    assert not wrong_messages(
        {
            "401 UNAUTHORIZED: authentication required": lambda: client("wrong").read_blob(
                "cargo/x", digest(b""), 1
            )
        }
    )
    simulator.upload_host = "http://elsewhere.test"
    assert not wrong_messages(
        {"phtlab does not go there": lambda: client("t").put_blob("trains/ada/heart", b"c")}
    )
    simulator.busy = 1000
    assert not wrong_messages({"it answered 503": lambda: client("t").put_blob("a", b"c")})


def test_tokens() -> None:
    audience, now = audience_of("pht"), datetime(2026, 5, 4, 12, tzinfo=UTC)
    ada = Member(name="ada", roles=("researcher",), keys=ADA.public)
    roster = Roster(consortium="pht", version=3, members=(ada,))
    eve = mint(Identity.generate("eve"), audience, now)
    late = mint(ADA, audience, now)
    assert not wrong_messages(
        {
            "'eve' is not on the roster of pht": lambda: verify(eve, roster, audience, now),
            "is of 2026-05-04 12:00:00 UTC, and here it is 2026-05-04 13:00:00 UTC": lambda: verify(
                late, roster, audience, now + timedelta(hours=1)
            ),
        }
    )
