"""What cells give out, as the executed notebook holds it."""

from __future__ import annotations

import nbformat

from phtlab.runtime.messages import Message
from phtlab.runtime.transcript import LONGEST_STREAM, Transcript


def transcript(**options):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1"}
    return Transcript(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}, **options
    )


def message(kind, size=10, **content):
    return Message(kind, "parent", content, size)


def outputs(written):
    return written.cell(0)["outputs"]


def test_streams_of_one_name_become_one_output():
    written = transcript()
    for name, text in (("stdout", "a"), ("stdout", "b\n"), ("stderr", "c"), ("stdout", "d")):
        written.add(0, message("stream", name=name, text=text))

    assert outputs(written) == [
        {"output_type": "stream", "name": "stdout", "text": "ab\nd"},
        {"output_type": "stream", "name": "stderr", "text": "c"},
    ]


def test_display_is_updated_wherever_it_was_shown():
    written = transcript()
    shown = {"data": {"text/plain": "0 %"}, "metadata": {}, "transient": {"display_id": "bar"}}
    written.add(0, message("display_data", **shown))
    written.add(0, message("update_display_data", **(shown | {"data": {"text/plain": "100 %"}})))

    assert [output["data"] for output in outputs(written)] == [{"text/plain": "100 %"}]


def test_clear_output_clears_now_or_with_the_next_output():
    written = transcript()
    written.add(0, message("stream", name="stdout", text="one"))
    written.add(0, message("clear_output", wait=True))
    assert outputs(written)[0]["text"] == "one"
    written.add(0, message("stream", name="stdout", text="two"))
    assert outputs(written)[0]["text"] == "two"
    written.add(0, message("clear_output", wait=False))
    assert outputs(written) == []


def test_long_text_is_cut_with_a_note():
    written = transcript()
    for _ in range(10):
        written.add(0, message("stream", name="stdout", text="x" * (LONGEST_STREAM // 4)))

    assert len(outputs(written)[0]["text"]) == LONGEST_STREAM
    assert (
        outputs(written)[1]["text"]
        == "\n[phtlab: this cell's text was cut after 262,144 characters]\n"
    )
    assert len(outputs(written)) == 2


def test_outputs_together_are_capped_and_the_note_comes_once():
    written = transcript(largest=1000)
    for _ in range(5):
        written.add(0, message("display_data", data={"text/plain": "x" * 400}, metadata={}))

    assert [output["output_type"] for output in outputs(written)] == [
        "display_data",
        "display_data",
        "stream",
    ]
    assert "together are too large" in outputs(written)[2]["text"]


def test_output_too_large_to_parse_is_noted():
    written = transcript()
    written.add(0, Message("stream", "parent", None, 20_000_000))

    assert outputs(written)[0]["text"] == "\n[phtlab: an output of 20,000,000 bytes was left out]\n"


def test_malformed_messages_do_no_harm():
    written = transcript()
    written.add(0, message("display_data", data="not a dict"))
    written.add(0, message("update_display_data", transient=3))
    written.add(0, message("error", traceback=7, ename=None))
    written.add(0, message("execute_input", execution_count="nine"))
    written.add(0, message("comm_open", anything=1))

    nbformat.validate(nbformat.reads(written.bytes().decode(), as_version=4))


def test_result_is_a_valid_notebook_even_with_lone_surrogates():
    written = transcript()
    written.add(0, message("stream", name="stdout", text="\udc80 ok"))

    assert "? ok" in written.bytes().decode("utf-8")


def test_output_nested_beyond_recursion_does_no_harm():
    written = transcript()
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"x": deep}
    written.add(0, message("display_data", data={"application/json": deep}, metadata={}))

    assert "nested too deeply" in outputs(written)[0]["text"]
    assert b"nested too deeply" in written.bytes()
