"""`python -m tests.evidence DIR`: keep what a run with ``--evidence DIR`` has told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.evidence import HERE, TABLES, all_tests, kept, merged


def main(folder: Path) -> None:
    for table in TABLES:
        path = folder / f"{table}.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        rows = merged(kept(table), map(json.loads, lines), all_tests())
        (HERE / f"{table}.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
        print(f"{table}: {len(lines)} rows told, {len(rows)} kept", file=sys.stderr)


main(Path(sys.argv[1]))
