"""Runs a Python session example by example: `python python_session.py SOURCES PRINTED`.

Both are JSON files: a list of examples, and a list of what each printed. An example that raises
ends the session: its traceback is what it printed, and the exit code is 1.
"""

import contextlib
import io
import json
import sys
import traceback
from pathlib import Path


def main() -> int:
    sources, target = map(Path, sys.argv[1:])
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed: list[str] = []
    for source in json.loads(sources.read_text()):
        stream = io.StringIO()
        failed = False
        with contextlib.redirect_stdout(stream):
            try:
                exec(compile(source, "<page>", "single"), namespace)
            except Exception:
                failed = True
                traceback.print_exc(file=stream)
        printed.append(stream.getvalue())
        target.write_text(json.dumps(printed))
        if failed:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
