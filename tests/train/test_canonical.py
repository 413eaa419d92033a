"""Canonical JSON: what it writes it reads, and nothing else."""

from __future__ import annotations

from typing import Any

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


def test_deepest_nesting_that_is_read() -> None:
    content = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert canonical(parse_json(content)) == content


def test_digest_is_written_as_oci_writes_it() -> None:
    assert digest(b"").startswith("sha256:e3b0c44298fc1c14")
