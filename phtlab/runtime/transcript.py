"""The executed notebook: what the cells gave out, as nbformat 4 holds it, within a size.

It stays at the station for its operator. Nothing in it leaves, so it is capped and cut,
with a note where it was, rather than refused.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from phtlab.runtime.messages import Message

# All outputs of a run together, in bytes of JSON. The output volume holds them too.
LARGEST_TRANSCRIPT = 8 * 1024 * 1024
# One cell's streams, in characters: a loop that prints fills no operator's screen.
LONGEST_STREAM = 256 * 1024

_CUT = f"this cell's text was cut after {LONGEST_STREAM:,} characters"


class Transcript:
    """A notebook that fills with outputs; cells are addressed by position from 0."""

    def __init__(self, notebook: dict[str, Any], *, largest: int = LARGEST_TRANSCRIPT) -> None:
        self.notebook = copy.deepcopy(notebook)
        self._left = largest
        self._spent: dict[int, int] = {}
        self._stream_left: dict[int, int] = {}
        self._clear_next: set[int] = set()
        self._displays: dict[str, list[dict[str, Any]]] = {}
        self._full: set[int] = set()
        for cell in self.notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
                cell.setdefault("metadata", {})

    def cell(self, position: int) -> dict[str, Any]:
        cell: dict[str, Any] = self.notebook["cells"][position]
        return cell

    def renew(self, position: int) -> None:
        """Drop all that the cell gave out, as if it had not run: it runs again in each round."""
        dropped = self.cell(position)["outputs"]
        self._displays = {
            display: kept
            for display, outputs in self._displays.items()
            if (kept := [output for output in outputs if not any(output is d for d in dropped)])
        }
        dropped.clear()
        self._left += self._spent.pop(position, 0)
        self._stream_left.pop(position, None)
        self._clear_next.discard(position)
        self._full.discard(position)

    def add(self, position: int, message: Message) -> None:
        """Take in an iopub message that the cell at `position` caused."""
        try:
            self._add(position, message)
        except RecursionError:
            self._note(position, "an output nested too deeply was left out")

    def _add(self, position: int, message: Message) -> None:
        content = message.content
        if content is None:
            self._note(position, f"an output of {message.size:,} bytes was left out")
            return
        if message.type == "execute_input":
            count = content.get("execution_count")
            self.cell(position)["execution_count"] = count if isinstance(count, int) else None
        elif message.type == "clear_output":
            if content.get("wait"):
                self._clear_next.add(position)
            else:
                self._clear(position)
        elif message.type == "stream":
            self._stream(position, content)
        elif message.type == "update_display_data":
            self._update(content)
        elif message.type in ("display_data", "execute_result"):
            self._display(position, message.type, content)
        elif message.type == "error":
            self._error(position, content)

    def bytes(self) -> bytes:
        """The notebook as a file's content. Lone surrogates become question marks."""
        try:
            content = json.dumps(self.notebook, ensure_ascii=False)
        except RecursionError:
            for cell in self.notebook["cells"]:
                cell.pop("outputs", None)
            content = json.dumps(self.notebook, ensure_ascii=False)
        return content.encode("utf-8", "replace")

    def _stream(self, position: int, content: dict[str, Any]) -> None:
        name, text = str(content.get("name", "stdout")), str(content.get("text", ""))
        left = self._stream_left.setdefault(position, LONGEST_STREAM)
        kept = text[:left]
        if not kept or not self._afford(position, len(kept)):
            if text and left <= 0:
                self._note(position, _CUT)
            return
        self._stream_left[position] = left - len(kept)
        outputs = self._outputs(position)
        last = next(
            (o for o in reversed(outputs) if o["output_type"] == "stream" and o["name"] == name),
            None,
        )
        if last is not None and outputs[-1]["output_type"] == "stream":
            last["text"] += kept
        else:
            outputs.append({"output_type": "stream", "name": name, "text": kept})
        if len(kept) < len(text):
            self._note(position, _CUT)

    def _display(self, position: int, kind: str, content: dict[str, Any]) -> None:
        data, metadata = content.get("data"), content.get("metadata")
        if not isinstance(data, dict):
            return
        if not self._afford(position, _size(data) + _size(metadata)):
            return
        output: dict[str, Any] = {
            "output_type": kind,
            "data": data,
            "metadata": metadata if isinstance(metadata, dict) else {},
        }
        if kind == "execute_result":
            output["execution_count"] = self.cell(position)["execution_count"]
        display = _display_id(content)
        if display:
            self._displays.setdefault(display, []).append(output)
        self._outputs(position).append(output)

    def _update(self, content: dict[str, Any]) -> None:
        data = content.get("data")
        displays = self._displays.get(_display_id(content) or "", [])
        if not isinstance(data, dict) or not displays:
            return
        growth = sum(_size(data) - _size(output["data"]) for output in displays)
        if growth > self._left:
            return
        self._left -= max(0, growth)
        for output in displays:
            output["data"] = data
            metadata = content.get("metadata")
            output["metadata"] = metadata if isinstance(metadata, dict) else {}

    def _error(self, position: int, content: dict[str, Any]) -> None:
        traceback = content.get("traceback")
        lines = [str(line) for line in traceback] if isinstance(traceback, list) else []
        if not self._afford(position, sum(len(line) for line in lines)):
            lines = []
        self._outputs(position).append(
            {
                "output_type": "error",
                "ename": str(content.get("ename", ""))[:200],
                "evalue": str(content.get("evalue", ""))[:10_000],
                "traceback": lines,
            }
        )

    def _outputs(self, position: int) -> list[dict[str, Any]]:
        if position in self._clear_next:
            self._clear_next.discard(position)
            self._clear(position)
        outputs: list[dict[str, Any]] = self.cell(position)["outputs"]
        return outputs

    def _clear(self, position: int) -> None:
        # What is cleared gives back no room: else a loop could have us carry any amount.
        self.cell(position)["outputs"].clear()
        self._stream_left[position] = LONGEST_STREAM

    def _afford(self, position: int, size: int) -> bool:
        if size > self._left:
            self._note(position, "the notebook's outputs together are too large; more is left out")
            return False
        self._left -= size
        self._spent[position] = self._spent.get(position, 0) + size
        return True

    def _note(self, position: int, text: str) -> None:
        if position in self._full:
            return
        self._full.add(position)
        self._outputs(position).append(
            {"output_type": "stream", "name": "stderr", "text": f"\n[phtlab: {text}]\n"}
        )


def _size(value: object) -> int:
    return len(json.dumps(value)) if value else 0


def _display_id(content: dict[str, Any]) -> str | None:
    transient = content.get("transient")
    identifier = transient.get("display_id") if isinstance(transient, dict) else None
    return identifier if isinstance(identifier, str) else None
