"""The hub's token opens this server: only the central that the hub itself names may see it."""

from __future__ import annotations

import pytest

from phtlab.lab.workspace.workspace import _hub_token

HUBS = "http://10.1.0.1/services/central"


@pytest.mark.parametrize(
    ("named", "central", "shown"),
    [
        (HUBS, HUBS, True),
        (HUBS + "/", HUBS, True),
        (HUBS, "https://central.other.example", False),
        (None, "https://central.other.example", False),
        ("", HUBS, False),
    ],
)
def test_another_central_never_sees_it(
    monkeypatch: pytest.MonkeyPatch, named: str | None, central: str, shown: bool
):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-hub-s-token")
    if named is None:
        monkeypatch.delenv("PHTLAB_CENTRAL", raising=False)
    else:
        monkeypatch.setenv("PHTLAB_CENTRAL", named)
    assert (_hub_token(central) is not None) is shown
