"""Bech32 (BIP 173) as age uses it: no limit on the length, one case throughout."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
# Effect of the five bits shifted out of the checksum: a hybrid recipient has 2,000 characters.
_FOLDED = [
    functools.reduce(operator.xor, (g for bit, g in enumerate(_GENERATOR) if top >> bit & 1), 0)
    for top in range(32)
]


def encode(prefix: str, data: bytes) -> str:
    """Encode `data` under `prefix`; an upper-case prefix gives an upper-case string."""
    lower = prefix.lower()
    values = _regroup(data, 8, 5, pad=True)
    checked = [*_expand(lower), *values, 0, 0, 0, 0, 0, 0]
    polymod = _polymod(checked) ^ 1
    checksum = [(polymod >> 5 * (5 - i)) & 31 for i in range(6)]
    text = lower + "1" + "".join(_ALPHABET[value] for value in [*values, *checksum])
    return text.upper() if prefix.isupper() else text


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix (in its written case) and the data. Raises ValueError, without quotes."""
    if text.lower() != text and text.upper() != text:
        raise ValueError("mixed case")
    lower = text.lower()
    prefix, separator, rest = lower.rpartition("1")
    if not separator or not prefix or len(rest) < 6:
        raise ValueError("no prefix or too short")
    if any(not 33 <= ord(character) <= 126 for character in prefix):
        raise ValueError("prefix holds other than printable ASCII")
    if any(character not in _VALUES for character in rest):
        raise ValueError("a character outside the alphabet")
    values = [_VALUES[character] for character in rest]
    if _polymod([*_expand(prefix), *values]) != 1:
        raise ValueError("wrong checksum")
    return text[: len(prefix)], bytes(_regroup(values[:-6], 5, 8, pad=False))


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value ^ _FOLDED[checksum >> 25]
    return checksum


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _regroup(data: Iterable[int], from_bits: int, to_bits: int, *, pad: bool) -> list[int]:
    """Regroup the bits of `data`; without `pad`, the remaining bits must be zero and few."""
    accumulator = bits = 0
    groups = []
    for value in data:
        accumulator = (accumulator << from_bits | value) & 0xFFF
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            groups.append(accumulator >> bits & (1 << to_bits) - 1)
    remainder = accumulator & (1 << bits) - 1
    if pad and bits:
        groups.append(remainder << to_bits - bits)
    elif not pad and (bits >= from_bits or remainder):
        raise ValueError("padding that is not zero")
    return groups
