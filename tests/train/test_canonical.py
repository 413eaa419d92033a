"""Canonical JSON: what it writes it reads, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.train.canonical import MAX_DEPTH, canonical, digest, parse_canonical, parse_json

_EXACT = 2**53 - 1
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-_EXACT, _EXACT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_what_is_written_is_read_back_and_written_the_same(value: Any) -> None:
    content = canonical(value)
    assert parse_canonical(content) == value
    assert canonical(parse_canonical(content)) == content


@given(st.binary(max_size=64))
def test_arbitrary_bytes_give_nothing_but_a_value_error(content: bytes) -> None:
    try:
        value = parse_canonical(content)
    except ValueError:
        return
    assert canonical(value) == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a":1,"a":2}', "a key is given twice"),
        (b'[{"a":{"b":1,"b":1}}]', "a key is given twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e400", "too large"),
        (b"1" * 401, "too long"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b"[" * 10**6, "nested deeper than 64 levels"),
    ],
    ids=["twice", "twice inside", "NaN", "Infinity", "large", "long", "deep", "very deep"],
)
def test_json_with_two_readings_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(content)


def test_deepest_nesting_that_is_read() -> None:
    content = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert canonical(parse_json(content)) == content


def test_not_canonical_refused() -> None:
    assert parse_json(b'{"b": 1, "a": 2}') == {"a": 2, "b": 1}
    with pytest.raises(ValueError, match="not in canonical form"):
        parse_canonical(b'{"b":1,"a":2}')


def test_digest_is_written_as_oci_writes_it() -> None:
    assert digest(b"").startswith("sha256:e3b0c44298fc1c14")
