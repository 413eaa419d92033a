"""The schema from which the frontend's interfaces are made: it has every request of every route."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft7Validator

from phtlab.lab.server import api, routes
from phtlab.lab.server.api_schema import answers, bodies, schema
from phtlab.lab.server.exchange import Nothing
from tests.limits import LIMIT

FILES = {"GET keys/backup", "GET keys/request"}
STREAMS = {"GET events"}
REQUESTS = {f"{verb} {route.path}" for route in routes() for verb in route.verbs}


def interface(name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema()["$defs"][name]
    return found


def test_every_request_has_its_answer_and_every_post_its_body():
    assert set(answers()) == REQUESTS - FILES - STREAMS
    taken = {f"POST {r.path}" for r in routes() if "POST" in r.verbs}
    empty = {f"POST {r.path}" for r in routes() if r.exchange.takes is Nothing}
    assert set(bodies()) == taken - empty
    assert set(interface("IAnswers")["properties"]) == set(answers())
    assert set(interface("IBodies")["properties"]) == set(bodies())


def test_every_model_of_the_api_is_an_interface():
    models = {f"I{name}" for name in api.__all__} - {"IApiModel"}
    assert models <= set(schema()["$defs"])


@pytest.mark.parametrize("name", sorted(schema()["$defs"]))
def test_a_reference_has_nothing_beside_it(name: str):
    """Else it becomes an interface of its own."""

    def parts(part: Any) -> list[dict[str, Any]]:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return [part] * isinstance(part, dict) + [p for child in inner for p in parts(child)]

    assert interface(name)["title"] == name
    for part in parts(interface(name)):
        assert "$ref" not in part or list(part) == ["$ref"]


def test_a_field_with_a_default_may_be_left_out_and_every_other_may_not():
    assert interface("IProblem")["required"] == ["code", "message"]
    assert set(interface("IDispatch")["required"]) == {"path", "checked", "stations"}
    assert set(interface("IStop")["required"]) == set(api.Stop.model_fields)


def test_it_is_a_json_schema_and_is_printed_the_same_each_time():
    Draft7Validator.check_schema(schema())
    command = [sys.executable, "-m", "phtlab.lab.server.api_schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)
    assert json.loads(done.stdout) == schema()
