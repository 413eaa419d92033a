"""Commands of a station on sequential routes, and on documents of another version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from phtlab.cli.main import app
from phtlab.cli.station import commands as station_cli
from phtlab.errors import SignatureError
from phtlab.station.approvals.store import Approvals
from phtlab.train.crypto.identity import Role
from tests.governance import documents
from tests.station.approvals.test_approvals import proposed
from tests.station.pipeline.sequential_route import POLICY, Route, sequential_route
from tests.station.station_world import identity
from tests.station.version_1 import keep_older_proposal


@pytest.fixture
def route(tmp_path: Path) -> Route:
    """A sequential train at a station whose people decide."""
    route = sequential_route(tmp_path)
    route.world.folder.policy.write_text(POLICY.replace('"auto"', '"human"'))
    return route


def _run(*args: str | Path) -> Result:
    return CliRunner().invoke(station_cli.app, [str(arg) for arg in args])


def _ok(*args: str | Path) -> Result:
    result = _run(*args)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def test_the_route_is_read_in_the_terminal(route: Route, tmp_path: Path) -> None:
    offer = route.after_hungary("cleveland")
    route.world.begun(offer, steps=3)
    at, journey = ("-C", route.world.folder.path), offer.journey[7:19]
    lines = (
        "route       sequential: hungary → cleveland, this station (cleveland) is 2nd of 2",
        "receives    model (model; any shapes; any numbers), from hungary",
        "releases    model (model), to ada",
    )
    for command in ("review", "show"):
        shown = _ok(command, journey, *at).stdout.splitlines()
        assert [line for line in shown if line in lines] == [*lines]
    reviewed = json.loads(_ok("review", journey, *at, "--json").stdout)["route"]
    assert (reviewed["sender"], reviewed["number"], reviewed["following"]) == ("hungary", 2, "")
    (waiting,) = json.loads(_ok("pending", *at, "--json").stdout)
    assert waiting["route"] == "sequential, 2nd of 2"
    new = tmp_path / "new.toml"
    new.write_text('mode = "refuse"')
    (tried,) = json.loads(_ok("policy", "try", new, *at, "--json").stdout)
    assert tried["route"]["stations"] == ["hungary", "cleveland"]
    assert tried["after"]["code"] == "route-not-allowed"


def test_a_proposal_s_terms_are_read_in_the_terminal(route: Route) -> None:
    terms = {"rounds": {"most": 50}, "resources": {"seconds": 600}, "handed_on": ("model",)}
    _, proposal = proposed(route.world, **terms)
    at = ("-C", route.world.folder.path)
    shown = _ok("proposals", "show", proposal.id, *at).stdout
    for line in (
        "handed on     model",
        "rounds        at most 50 rounds",
        "rounds        combined by the researcher's kernel",
        "resources     at most 600 seconds",
    ):
        assert line in shown


def test_documents_of_version_1_are_listed_with_what_to_do(route: Route) -> None:
    world, at = route.world, ("-C", route.world.folder.path)
    approval = documents.approval(None, None, station="cleveland")
    Approvals(world.folder).keep(documents.approval_of_version_1(approval, identity("cleveland")))
    (world.folder.approvals / "other.json").write_text("{}")
    proposal, _ = keep_older_proposal(world)

    listed = _ok("approvals", *at)
    assert "void" in listed.stdout
    said = " ".join(listed.stderr.split())
    assert "void: This approval is of version 1 of its format" in said
    assert "approve again when its train comes" in said
    assert "they allow nothing: other.json" in said
    (as_json,) = json.loads(_ok("approvals", *at, "--json").stdout)
    assert (as_json["state"], as_json["handed_on"]) == ("void", [])

    said = " ".join(_ok("proposals", *at).stderr.split())
    assert f"{proposal}: This proposal is of version 1 of its format" in said
    for command in (("proposals", "show", proposal), ("approve", proposal, "--show")):
        refused = _run(*command, *at).exception
        assert isinstance(refused, SignatureError)
        assert refused.code == "document-version"
    assert _ok("pending", *at).stdout == ""


@pytest.mark.parametrize("role", Role.__args__)  # type: ignore[attr-defined]
def test_every_role_is_named_where_it_is_requested(role: str) -> None:
    for command in ("create", "request"):
        shown = CliRunner().invoke(app, ["key", command, "--help"], env={"COLUMNS": "200"})
        assert role in shown.stdout
