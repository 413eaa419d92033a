"""Python's own parser, for one thread at a time.

CPython before 3.11.8 and 3.12.2 counts the depth of a tree in state that all threads share
(python/cpython#106905): if a garbage collection lets another thread parse meanwhile, one of the
two fails with a SystemError. A Jupyter server checks notebooks in several threads.
"""

from __future__ import annotations

import ast
import threading
import warnings

_LOCK = threading.Lock()


def parse_module(source: str) -> ast.Module:
    """Return the syntax tree of `source`, which may use `await` on the top level, as in a cell.

    Raises as `ast.parse`: SyntaxError, ValueError, RecursionError or MemoryError.
    """
    with _LOCK, warnings.catch_warnings(action="ignore"):
        compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        return ast.parse(source)


def parse_expression(source: str) -> ast.expr:
    """Return the syntax tree of an expression. Raises as `ast.parse`."""
    with _LOCK, warnings.catch_warnings(action="ignore"):
        return ast.parse(source, mode="eval").body
