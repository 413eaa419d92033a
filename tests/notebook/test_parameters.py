"""Parameters: declared without running anything, checked before anything runs."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.errors import ParameterError
from phtlab.notebook import ParameterSchema, describe, read_analysis
from tests.raising import raises_code

IMPORTS = (
    "from typing import Annotated, Literal\nimport typing as t\nimport annotated_types as at\n"
    "from annotated_types import Ge, Gt, Interval as I, Le, Len, Lt, MaxLen, MinLen, MultipleOf\n"
)
AGE = "from typing import Annotated\nfrom annotated_types import Interval\n"
AGE += "min_age: Annotated[int, Interval(ge=18, le=100)] = 40  # youngest age in years"


def declared(nb: Any, source: str) -> ParameterSchema:
    return (
        read_analysis(nb(("parameters", source), ("station", "x = 1"))).require_sound().parameters
    )


def refused(nb: Any, source: str) -> list[tuple[str, int | None, str]]:
    analysis = read_analysis(nb(("parameters", source), ("station", "x = 1")))
    return [(f.code, f.line, f.message) for f in analysis.errors]


@pytest.mark.parametrize(
    ("source", "schema"),
    [
        ("x: int = 1", {"type": "integer", "default": 1}),
        ("x: int = -1", {"type": "integer", "default": -1}),
        ("x: float = 1", {"type": "number", "default": 1.0}),
        ("x: str = 'a'", {"type": "string", "default": "a"}),
        ("x: bool = True", {"type": "boolean", "default": True}),
        ("x: int", {"type": "integer"}),
        ("x: 'int' = 1", {"type": "integer", "default": 1}),
        ("x: Literal['a', 'b'] = 'a'", {"type": "string", "enum": ["a", "b"], "default": "a"}),
        ("x: t.Literal[1, 2] = 2", {"type": "integer", "enum": [1, 2], "default": 2}),
        (
            "x: Annotated[int, I(ge=18, le=100)] = 40",
            {"type": "integer", "minimum": 18, "maximum": 100, "default": 40},
        ),
        (
            "x: t.Annotated[float, at.Gt(0), at.Lt(1)] = 0.5",
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": 0.5},
        ),
        (
            "x: Annotated[int, Ge(0), Le(9)] = 3",
            {"type": "integer", "minimum": 0, "maximum": 9, "default": 3},
        ),
        (
            "x: Annotated[int, MultipleOf(5), 'steps of five'] = 10",
            {"type": "integer", "multipleOf": 5, "description": "steps of five", "default": 10},
        ),
        (
            "x: Annotated[str, Len(1, 3)] = 'ab'",
            {"type": "string", "minLength": 1, "maxLength": 3, "default": "ab"},
        ),
        (
            "x: Annotated[list[str], MaxLen(2), MinLen(1)] = ['a']",
            {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": 2,
                "default": ["a"],
            },
        ),
        (
            "x: int = 40  # 18..100",
            {"type": "integer", "minimum": 18, "maximum": 100, "default": 40},
        ),
        (
            "x: int = 40  # 18..100: youngest age in years",
            {
                "type": "integer",
                "minimum": 18,
                "maximum": 100,
                "description": "youngest age in years",
                "default": 40,
            },
        ),
        (
            "x: float = 0.5  # 0..; dose in mg",
            {"type": "number", "minimum": 0.0, "description": "dose in mg", "default": 0.5},
        ),
        ("x: int = 4  # ..1_000", {"type": "integer", "maximum": 1000, "default": 4}),
        (
            "x: str = 'any'  # one of: any, severe; how bad",
            {
                "type": "string",
                "enum": ["any", "severe"],
                "description": "how bad",
                "default": "any",
            },
        ),
        ("x: int = 1  # one of: 1, 2", {"type": "integer", "enum": [1, 2], "default": 1}),
        (
            "x: str = 'a#b'  # words, not a range 1..2",
            {"type": "string", "description": "words, not a range 1..2", "default": "a#b"},
        ),
        ('"""What it takes."""\n# a comment\nx: int = 1', {"type": "integer", "default": 1}),
    ],
)
def test_the_forms_of_a_declaration(nb: Any, source: str, schema: dict[str, Any]) -> None:
    found = declared(nb, IMPORTS + source if not source.startswith('"""') else source)
    assert found.properties["x"] == schema
    jsonschema.Draft202012Validator.check_schema(found.schema)


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("x = 40", "parameters-code", "the parameter 'x' has no type. Write 'x: int = …'"),
        ("x = 'a'", "parameters-code", "Write 'x: str = …'"),
        ("print(1)", "parameters-code", "a parameters cell holds only imports and declarations"),
        ("x: int = 1 + 1", "parameter-declaration", "the default of 'x' is computed"),
        ("x: int = 1.5", "parameter-default", "Parameter 'x' takes a whole number, not 1.5"),
        ("x: int = True", "parameter-default", "Parameter 'x' takes a whole number, not True"),
        ("x: int = 5  # 18..100", "parameter-default", "Parameter 'x' is 5; it takes 18 to 100."),
        ("x: str = 'c'  # one of: a, b", "parameter-default", "it takes 'a' or 'b'"),
        ("x: date = 1", "parameter-declaration", "the type 'date' is not known. Use int, float"),
        ("x: dict[str, int] = {}", "parameter-declaration", "is not known"),
        ("x: list[list[int]] = []", "parameter-declaration", "a list of lists"),
        ("x: Annotated[int, Even()] = 2", "parameter-declaration", "the constraint 'Even()'"),
        ("x: Annotated[int, I(ge=n)] = 2", "parameter-declaration", "'n' is computed"),
        ("x: Annotated[int, I(0, 9)] = 2", "parameter-declaration", "takes keywords"),
        ("x: Annotated[int, I(over=9)] = 2", "parameter-declaration", "has no 'over'"),
        (
            "x: Annotated[int, MinLen(1)] = 2",
            "parameter-declaration",
            "has no meaning for the type",
        ),
        ("x: Literal[1, 'a'] = 1", "parameter-declaration", "not all text or all whole numbers"),
        ("x: int = 1\nx: int = 2", "parameter-declaration", "the parameter 'x' is declared twice"),
        ("_x: int = 1", "parameter-name", "'_x' is not a parameter's name"),
        ("x: float = 1e999", "parameter-default", "takes a finite number, not infinity"),
        ("x: int = 40  # 18.5..100", "parameter-declaration", "gives '18.5', which is not integer"),
        ("a.x: int = 1", "parameters-code", "a parameters cell holds only"),
        ("%load_ext x", "magic", "the magic '%load_ext' does not work"),
    ],
)
def test_what_cannot_be_a_declaration_says_why(
    nb: Any, source: str, code: str, message: str
) -> None:
    found = refused(nb, source.replace("I(", "Interval("))
    assert code in [c for c, _, _ in found]
    assert message in " ".join(m for _, _, m in found)


@pytest.mark.parametrize(
    "source",
    [
        "db_password: str = 'hunter2'",
        "TOKEN: str",
        "api_key: str = ''",
        "keys: list[str] = []  # secret: one for each site",
        "pin: int = 1234  # Secret",
        "hub_token: Annotated[str, MinLen(3)] = 'abc'",
    ],
)
def test_a_secret_is_no_parameter_and_is_not_repeated(nb: Any, source: str) -> None:
    """Its value would be in the order, for central and all stations to read."""
    ((code, _, message),) = refused(nb, IMPORTS + source)
    assert code == "parameter-secret"
    assert "central, the stations and every recipient read" in message
    assert "hunter2" not in message
    assert "1234" not in message


@pytest.mark.parametrize(
    "source",
    [
        "max_token: int = 5",
        "tokens: str = 'a b'",
        "secretion: str = ''",
        "x: str = ''  # no secret",
    ],
)
def test_what_only_sounds_like_a_secret_is_a_parameter(nb: Any, source: str) -> None:
    assert len(declared(nb, source).properties) == 1


def test_a_station_takes_no_secret_either(nb: Any) -> None:
    schema = declared(nb, "name: str").schema
    schema["properties"]["password"] = {"type": "string"}
    with pytest.raises(ParameterError) as told:
        ParameterSchema.from_schema(schema)
    assert told.value.code == "parameter-secret"


def test_values_are_completed_and_plain(nb: Any) -> None:
    schema = declared(nb, AGE + "\nweight: float = 1\nsites: list[str] = []\nstrict: bool = False")
    found = schema.validate({"min_age": np.int64(50), "weight": 2, "sites": ("a",)})
    assert found == {"min_age": 50, "weight": 2.0, "sites": ["a"], "strict": False}
    assert [type(value) for value in found.values()] == [int, float, list, bool]
    assert schema.validate({"weight": np.float64(2)})["weight"] == 2.0
    assert schema.validate({"strict": np.True_})["strict"] is True


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        (
            {"min_agee": 50},
            "parameter-unknown",
            "Unknown parameter 'min_agee'. Did you mean 'min_age'? The notebook declares min_age.",
        ),
        ({"x": 1}, "parameter-unknown", "Unknown parameter 'x'. The notebook declares min_age."),
        (
            {"x=1;import os": 1},
            "parameter-name",
            "'x=1;import os' is not a parameter's name: a name is a letter, then letters, digits "
            "and underscores, at most 63, and no word of the language.",
        ),
        ({"class": 1}, "parameter-name", "'class' is not a parameter's name"),
        ({"x\ny": 1}, "parameter-name", "'x\\ny' is not a parameter's name"),
        ({"ä": 1}, "parameter-name", "'ä' is not a parameter's name"),
        ({5: 1}, "parameter-name", "'5' is not a parameter's name"),
        ({"x" * 99: 1}, "parameter-name", "…' is not a parameter's name"),
        (
            {"min_age": "fifty"},
            "parameter-type",
            "Parameter 'min_age' takes a whole number (18 to 100), not 'fifty' (str).",
        ),
        ({"min_age": True}, "parameter-type", "not True (bool)"),
        ({"min_age": 50.0}, "parameter-type", "not 50.0 (float)"),
        ({"min_age": None}, "parameter-type", "not None (NoneType)"),
        ({"min_age": date(2024, 1, 1)}, "parameter-type", "(date)"),
        ({"min_age": [50]}, "parameter-type", "not [50] (list)"),
        ({"min_age": 17}, "parameter-bounds", "Parameter 'min_age' is 17; it takes 18 to 100."),
        ({"min_age": 101}, "parameter-bounds", "Parameter 'min_age' is 101; it takes 18 to 100."),
    ],
)
def test_a_refused_value_says_what_is_taken(
    nb: Any, values: dict[Any, Any], code: str, message: str
) -> None:
    with pytest.raises(ParameterError) as found:
        declared(nb, AGE).validate(values)
    assert found.value.code == code
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("source", "value", "code", "message"),
    [
        ("x: float = 1", math.nan, "parameter-type", "takes a finite number, not nan"),
        ("x: float = 1", math.inf, "parameter-type", "takes a finite number, not infinity"),
        ("x: float = 1", 10**400, "parameter-type", "takes a finite number"),
        ("x: int = 1", 2**53, "parameter-bounds", "whole numbers go up to 9007199254740991"),
        ("x: str = 'a'", "a\0", "parameter-type", "a character that cannot be written"),
        ("x: str = 'a'", "\ud800", "parameter-type", "a character that cannot be written"),
        ("x: str = 'a'", "a" * 1001, "parameter-bounds", "has 1001 characters; it takes 0 to 1000"),
        ("x: list[int] = []", ["a"], "parameter-type", "takes a whole number, not 'a'"),
        ("x: list[int] = []", [1] * 1001, "parameter-bounds", "has 1001 entries"),
        ("x: bool = True", 1, "parameter-type", "takes true or false, not 1 (int)"),
        ("x: int", None, "parameter-missing", "Parameter 'x' has no default value and none was"),
        ("x: str = 'any'  # one of: any, severe", "sever", "parameter-bounds", "mean 'severe'?"),
        ("x: int = 5  # one of: 5, 10", 7, "parameter-bounds", "is 7; it takes 5 or 10."),
    ],
)
def test_values_that_no_journey_can_carry(
    nb: Any, source: str, value: Any, code: str, message: str
) -> None:
    with pytest.raises(ParameterError) as found:
        declared(nb, source).validate({} if value is None else {"x": value})
    assert found.value.code == code
    assert message in str(found.value)


def test_a_notebook_without_parameters_takes_none(nb: Any) -> None:
    schema = read_analysis(nb(("station", "x = 1"))).parameters
    assert schema.validate({}) == {}
    with raises_code(ParameterError, "parameter-unknown"):
        schema.validate({"x": 1})


def test_the_schema_reads_back_from_the_manifest(nb: Any) -> None:
    schema = declared(nb, AGE + "\nb: str\nc: list[float] = [1.5]")
    assert schema.schema["required"] == ["b"]
    assert ParameterSchema.from_schema(schema.schema) == schema


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"x": 1}, "additionalProperties": False},
        {"properties": {"x": {"type": "string", "pattern": "(a+)+$"}}},
        {"properties": {"x": {"$ref": "https://example.org/schema"}}},
        {"properties": {"x": {"type": "integer", "minimum": "1"}}},
        {"properties": {"x": {"type": "integer", "multipleOf": 0}}},
        {"properties": {"x": {"type": "number", "minimum": math.nan}}},
        {"properties": {"x": {"type": "string", "maxLength": -1}}},
        {"properties": {"x": {"type": "array"}}},
        {"properties": {"x": {"type": "array", "items": {"type": "array"}}}},
        {"properties": {"x": {"type": "integer", "enum": []}}},
        {"properties": {"x": {"type": "integer", "enum": ["a"]}}},
        {"properties": {"x": {"type": "integer", "default": "a"}}},
        {"properties": {"x; import os": {"type": "integer", "default": 1}}},
        {"properties": {"x": {"type": "integer"}}, "required": []},
        {"properties": {"x": {"type": "string", "default": "a", "description": 5}}},
        {"properties": {}, "patternProperties": {}},
    ],
)
def test_a_foreign_schema_is_refused(schema: dict[str, Any]) -> None:
    if "properties" in schema and "type" not in schema:
        schema = {"type": "object", "additionalProperties": False, **schema}
    with pytest.raises(ParameterError):
        ParameterSchema.from_schema(schema)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 18, "maximum": 100}, "18 to 100"),
        ({"type": "integer", "minimum": 18}, "18 or more"),
        ({"type": "integer", "maximum": 18}, "18 or less"),
        ({"type": "number", "exclusiveMinimum": 0}, "over 0"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "over 0 to under 1"),
        ({"type": "string", "enum": ["any", "severe"]}, "'any' or 'severe'"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "array", "items": {"type": "string"}}, "a list, each text"),
    ],
)
def test_bounds_in_words(schema: dict[str, Any], words: str) -> None:
    assert describe(schema) == words


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
)


@given(
    value=_scalars | st.lists(_scalars, max_size=4),
    declared=st.sampled_from(
        [
            {"type": "integer", "minimum": 18, "exclusiveMaximum": 100},
            {"type": "integer", "multipleOf": 5},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1.5},
            {"type": "string", "minLength": 1, "maxLength": 3},
            {"type": "string", "enum": ["", "a"]},
            {"type": "boolean"},
            {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        ]
    ),
)
def test_what_is_accepted_is_what_json_schema_accepts(value: Any, declared: dict[str, Any]) -> None:
    schema = ParameterSchema({"x": declared})
    valid = jsonschema.Draft202012Validator(schema.schema).is_valid({"x": value})
    if declared["type"] == "integer" and isinstance(value, float):
        valid = False  # JSON Schema takes 50.0 for a whole number; a person may have meant 50.4
    try:
        found = schema.validate({"x": value})
    except ParameterError:
        assert not valid
    else:
        assert valid
        assert found == {"x": value}
