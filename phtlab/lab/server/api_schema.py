"""Writes the JSON Schema of the API: `python -m phtlab.lab.server.api_schema`.

It has a definition for each model that a route takes or answers, found by the annotations of its
handler, and tables from method and path to these. In `phtlab/lab/frontend`, `jlpm api` makes
the TypeScript interfaces from it, called as JupyterLab calls interfaces: `IStatus` for `Status`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from phtlab.lab.server.api import ApiModel, Event, Problem
from phtlab.lab.server.exchange import Attachment, Exchange, Nothing
from phtlab.lab.server.routes import routes

_PREFIX: Final = "#/$defs/"
_BODY: Final = "body of "


def answers() -> dict[str, Any]:
    """What each request is answered, as `GET status`, unless it is a file or the stream of events.

    The type is a model, or a list of one.
    """
    found = {
        f"{verb} {route.path}": _answer(route.exchange, verb)
        for route in routes()
        for verb in route.verbs
    }
    return {request: kind for request, kind in found.items() if kind is not None}


def bodies() -> dict[str, type[ApiModel]]:
    """What each POST takes, unless that is nothing."""
    return {
        f"POST {route.path}": route.exchange.takes
        for route in routes()
        if "POST" in route.verbs and route.exchange.takes is not Nothing
    }


def _answer(exchange: type[Exchange[Any]], verb: str) -> Any:
    if verb == "POST":
        performs = exchange.perform is not Exchange.perform
        answer = get_type_hints(exchange.perform if performs else exchange.act)["return"]
    elif exchange.respond is not Exchange.respond:
        return None
    else:
        answer = get_type_hints(exchange.read)["return"]
    return None if answer is Attachment else answer


def schema() -> dict[str, Any]:
    """The JSON Schema of an object that refers to the tables, and to what no request has."""
    answered, taken = answers(), bodies()
    kinds = {"Event": Event, "Problem": Problem}
    named = {**answered, **{_BODY + request: kind for request, kind in taken.items()}, **kinds}
    found, shared = TypeAdapter.json_schemas(
        [(name, "validation", TypeAdapter(kind)) for name, kind in named.items()],
        schema_generator=_ForTypeScript,
    )
    schemas = {name: part for (name, _), part in found.items()}
    definitions = {
        **shared["$defs"],
        "Answers": _object(
            {request: schemas[request] for request in answered},
            "The answer to each request that is answered with JSON.",
        ),
        "Bodies": _object(
            {request: schemas[_BODY + request] for request in taken},
            "The body of each POST that has one.",
        ),
    }
    parts = {name.lower(): {"$ref": _PREFIX + name} for name in ("Answers", "Bodies", *kinds)}
    api = _object(parts, "All interfaces of the API.")
    renamed = _renamed({**definitions, "Api": api})
    return {**renamed.pop("IApi"), "$defs": renamed}


def _object(properties: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _renamed(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """`definitions` as TypeScript's, those of objects as interfaces, and what refers to them."""
    names = {
        name: f"I{name}" if definition.get("type") == "object" else name
        for name, definition in definitions.items()
    }

    def follow(part: Any) -> Any:
        if isinstance(part, list):
            return [follow(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            # (A reference with more in it would become an interface of its own.)
            (reference,) = part.values()
            return {"$ref": _PREFIX + names[reference.removeprefix(_PREFIX)]}
        return {key: follow(value) for key, value in part.items()}

    return {
        names[name]: {**follow(definition), "title": names[name]}
        for name, definition in definitions.items()
    }


class _ForTypeScript(GenerateJsonSchema):
    """Without what TypeScript cannot say: titles and defaults of fields, and lengths of lists."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def list_schema(self, schema: core_schema.ListSchema) -> JsonSchemaValue:
        made = super().list_schema(schema)
        return {key: value for key, value in made.items() if key not in ("minItems", "maxItems")}

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        # As draft 7 has it, where `prefixItems` is `items`.
        made = super().tuple_schema(schema)
        return {"items" if key == "prefixItems" else key: value for key, value in made.items()}


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2)
