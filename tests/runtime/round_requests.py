"""The station's end of a run of rounds, by the files that both leave each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.limits import LIMIT
from tests.runtime.conftest import Sandbox


class RoundRequests:
    """Asks for rounds, and waits for what they leave."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.folder = sandbox.root / "in/rounds"
        self.folder.mkdir(parents=True, exist_ok=True)

    def ask(
        self, number: int, values: dict[str, bytes] | None = None, *, ends: bool = False
    ) -> None:
        place = self.folder / str(number)
        place.mkdir(exist_ok=True)
        for name, content in (values or {}).items():
            (place / name).write_bytes(content)
        draft = self.folder / ".next"
        draft.write_text(json.dumps({"number": number, "ends": ends}))
        draft.replace(self.folder / "next.json")

    def answer(self, number: int) -> dict[str, Any]:
        path = self.sandbox.out / "rounds" / str(number) / "run.json"
        self.wait_for(lambda: path.exists() or (self.sandbox.out / "run.json").exists(), LIMIT)
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Raise TimeoutError if the condition does not become true within `seconds`."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the round does not end")
            time.sleep(0.002)
