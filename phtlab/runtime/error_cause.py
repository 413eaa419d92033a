"""Why a cell failed, as a code of `error_sentences` and its words: read from the exception.

Of the message only what Python does not put into an attribute is read. What comes out is a claim
of code that nobody trusts: the station checks every word.
"""

from __future__ import annotations

import re
from types import ModuleType
from typing import NamedTuple

from phtlab.runtime.errors import DatasetError, KeepError, PublishError, ReceiveError

MOST_WORDS = 5
_LONGEST_WORD = 80
_LONGEST_CODE = 40
_LONGEST_MESSAGE = 2000

_TYPE, _OTHER = r"'(?P<type>[\w.]+)'", r"'(?P<other>[\w.]+)'"
_CALL = r"(?P<call>[\w.<>]+)\(\)"
# Of errors without attributes, as CPython 3.11 to 3.13 and pandas word them. If a release words one
# otherwise, it has no cause.
_MESSAGES = (
    ("no-import", r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'"),
    ("undefined-name", r"name '(?P<name>\w+)' is not defined"),
    ("unassigned-name", r"cannot access local variable '(?P<name>\w+)'"),
    ("operands", rf"unsupported operand type\(s\) for (?P<sign>\S+).*: {_TYPE} and {_OTHER}"),
    ("operands", rf"'(?P<sign>\S+)' not supported between instances of {_TYPE} and {_OTHER}"),
    ("concatenation", r'can only concatenate (?P<type>\w+) \(not "(?P<other>[\w.]+)"\)'),
    ("not-callable", rf"{_TYPE} object is not callable"),
    ("not-iterable", rf"{_TYPE} object is not iterable"),
    ("not-indexable", rf"{_TYPE} object is not subscriptable"),
    ("not-assignable", rf"{_TYPE} object does not support item assignment"),
    ("no-length", rf"object of type {_TYPE} has no len\(\)"),
    ("argument-missing", rf"{_CALL} missing .*?: '(?P<name>\w+)'"),
    ("argument-unknown", rf"{_CALL} got an unexpected keyword argument '(?P<name>\w+)'"),
    ("argument-number", rf"{_CALL} takes .*positional argument"),
    ("not-a-number", "could not convert string to float"),
    ("not-a-whole-number", r"invalid literal for int\(\)"),
    ("truth-value", r"The truth value of an? (?P<type>\w+)"),
)
_READ = (ImportError, NameError, TypeError, ValueError)
# pandas: "['age', 'sex'] not in index", "None of [Index(['age'], dtype='str')] are in the […]"
_COLUMNS = re.compile(r"\[('[^\]]*')\]")


class Cause(NamedTuple):
    """`words` by the slots of the code's sentence."""

    code: str
    words: dict[str, str | list[str]]


def cause_of(error: BaseException) -> Cause | None:
    """The cause of `error`; None if it is none of those that are known."""
    try:
        code, words = _coded(error) or _of_attributes(error) or _of_message(error)
        return read_cause({"code": code, "words": words})
    except Exception:  # the attributes of an exception can be anything
        return None


def read_cause(content: object) -> Cause | None:
    """The cause that `content` holds, as JSON has it; None if it is none, or too long."""
    if not isinstance(content, dict):
        return None
    code, words = content.get("code"), content.get("words")
    if not isinstance(code, str) or len(code) > _LONGEST_CODE or not isinstance(words, dict):
        return None
    for word in words.values():
        listed = word if isinstance(word, list) else [word]
        if not 0 < len(listed) <= MOST_WORDS or not all(map(_is_plain, listed)):
            return None
    return Cause(code, words) if len(words) <= MOST_WORDS and all(map(_is_plain, words)) else None


def _is_plain(word: object) -> bool:
    return isinstance(word, str) and 0 < len(word) <= _LONGEST_WORD and word.isprintable()


_Found = tuple[str, dict[str, str | list[str]]]


def _coded(error: BaseException) -> _Found | None:
    if isinstance(error, PublishError | DatasetError | ReceiveError | KeepError):
        return error.code, error.words
    return None


def _of_attributes(error: BaseException) -> _Found | None:
    # pandas raises an error of its own from that of the module that it lacks.
    missing = error.__cause__ if isinstance(error.__cause__, ModuleNotFoundError) else error
    if isinstance(missing, ModuleNotFoundError) and missing.name:
        return "no-module", {"module": missing.name}
    if isinstance(error, NameError) and error.name:
        return "undefined-name", {"name": error.name}
    if isinstance(error, KeyError):
        return _of_key(error.args[0])
    if isinstance(error, AttributeError) and error.name:
        found = error.obj
        if isinstance(found, ModuleType):
            return "no-module-attribute", {"module": found.__name__, "name": error.name}
        if isinstance(found, type):
            return "no-type-attribute", {"type": found.__name__, "name": error.name}
        return "no-attribute", {"type": type(found).__name__, "name": error.name}
    if isinstance(error, FileNotFoundError):
        return "no-file", {"key": error.filename}
    return None


def _of_key(key: str) -> _Found:
    columns = _COLUMNS.search(key)
    if columns is None:
        return "no-key", {"key": key}
    listed = sorted(set(columns[1][1:-1].split("', '")))
    return ("no-columns", {"columns": listed}) if listed[1:] else ("no-column", {"key": listed[0]})


def _of_message(error: BaseException) -> _Found:
    message = str(error)[:_LONGEST_MESSAGE] if isinstance(error, _READ) else ""
    for code, pattern in _MESSAGES:
        found = re.match(pattern, message)
        if found is not None:
            # numpy.float64; and of a function where it was defined: Class.method
            last = {slot: word.rpartition(".")[2] for slot, word in found.groupdict().items()}
            return code, last if "module" not in last else found.groupdict()
    raise LookupError
