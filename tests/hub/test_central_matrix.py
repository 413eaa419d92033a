"""The matrix of roles and routes that central is tested against, with the real hub's real roles.

tests/central holds central to it with a simulated hub; here each column is somebody's token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from phtlab.central.hub.users import SCOPES
from phtlab.demo.hub_people import PEOPLE, Person
from phtlab_hub import roles, workspaces
from phtlab_hub.security import LONGEST_TOKEN_SECONDS
from tests.central.api.matrix import ALLOWED, ROLE_TOKENS
from tests.central.api.matrix import ROLES as MATRIX_ROLES
from tests.central.api.test_access import PLACES
from tests.hub.conftest import LogIn
from tests.hub.session import new_client

if TYPE_CHECKING:
    from phtlab.demo.hub import HubWorld

pytestmark = pytest.mark.engine

COLUMNS = {sender.title.removeprefix("hub: "): sender for sender in ROLE_TOKENS}
# The group's column. A learner is a researcher; whoever is not on the roster has a row below.
MEMBERS = {person.name: person for person in PEOPLE if person.roles}


def test_the_matrix_has_the_roles_of_the_configuration() -> None:
    declared = {
        group: tuple(scope for scope in role["scopes"] if scope.startswith("custom:"))
        for role in roles.ROLES
        for group in role["groups"]
        if group != roles.LEARNERS
    }
    assert declared == MATRIX_ROLES
    assert set(roles.CUSTOM_SCOPES) == set(SCOPES)


def _status(http: httpx.Client, method: str, path: str, token: str) -> int:
    for name, value in PLACES.items():
        path = path.replace(name, value)
    headers = {"Authorization": f"token {token}"}
    place = f"/services/central{path}"
    with http.stream(method, place, headers=headers, content=b"{}") as answer:
        return answer.status_code


@pytest.mark.parametrize("person", MEMBERS.values(), ids=lambda person: person.name)
def test_each_route_takes_whom_the_matrix_says(
    hub_world: HubWorld, log_in: LogIn, person: Person
) -> None:
    token = log_in(person.name).token(person.name)
    wrong = []
    with new_client(hub_world.url) as http:
        for (method, path), allowed in ALLOWED.items():
            status = _status(http, method, path, token)
            expected = COLUMNS[person.group] in allowed
            if (status not in (401, 403)) is not expected or (not expected and status != 403):
                wrong.append((method, path, status))
    assert not wrong


@pytest.mark.parametrize("name", ["hub-admin", "newcomer"])
def test_who_is_not_on_the_roster_sees_stations_and_no_more(
    hub_world: HubWorld, log_in: LogIn, name: str
) -> None:
    token = log_in(name).token(name)
    with new_client(hub_world.url) as http:
        assert _status(http, "GET", "/api/v1/stations", token) == 200
        assert _status(http, "GET", "/api/v1/journeys", token) == 403
        assert _status(http, "POST", "/api/v1/trains", token) == 403


def test_a_server_gets_what_it_needs_at_central_and_not_more(log_in: LogIn) -> None:
    """The scopes that workspaces ask for, as tokens that each role can have of them."""
    for person in PEOPLE:
        session = log_in(person.name)
        custom = {s for s in session.me()["scopes"] if s in roles.CUSTOM_SCOPES}
        asked = custom.intersection(workspaces.SERVER_SCOPES)
        assert asked == custom & {roles.READ, roles.DISPATCH}, person
        more = session.api(
            "POST", f"/users/{person.name}/tokens", json={"scopes": sorted(roles.CUSTOM_SCOPES)}
        )
        # Only who has all of them may give all of them.
        assert (more.status_code == 201) is (custom == set(roles.CUSTOM_SCOPES)), person


def test_nobody_makes_a_token_for_ever(log_in: LogIn) -> None:
    session = log_in("dr-lovelace")
    answer = session.api("POST", "/users/dr-lovelace/tokens", json={"note": "for ever"})
    assert answer.json()["expires_at"] is not None
    longer = {"expires_in": LONGEST_TOKEN_SECONDS + 60}
    assert session.api("POST", "/users/dr-lovelace/tokens", json=longer).status_code == 400


def test_a_token_that_is_taken_back_no_longer_works_at_the_hub(log_in: LogIn) -> None:
    session = log_in("dr-lovelace")
    made = session.api("POST", "/users/dr-lovelace/tokens", json={"expires_in": 60}).json()
    assert session.api("DELETE", f"/users/dr-lovelace/tokens/{made['id']}").status_code == 204
    with new_client(session.url) as http:
        asked = http.get("/hub/api/user", headers={"Authorization": f"token {made['token']}"})
    assert asked.status_code == 403


def test_an_expired_token_opens_nothing_and_central_says_why(
    hub_world: HubWorld, log_in: LogIn
) -> None:
    token = log_in("dr-lovelace").expired_token("dr-lovelace")
    with new_client(hub_world.url) as http:
        answer = http.get(
            "/services/central/api/v1/journeys", headers={"Authorization": f"token {token}"}
        )
    assert answer.status_code in (401, 403)
    assert "the hub does not know it" in answer.json()["detail"]
