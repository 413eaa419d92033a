"""Findings of a train of rounds: its round and combine cells, and what they send each other."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

from phtlab.notebook.calls import KEEP_WORDS, Call, RefusedCallError, arguments_of
from phtlab.notebook.cell import Cell
from phtlab.notebook.declared_output import text_of
from phtlab.notebook.finding import Finding, error, warning
from phtlab.notebook.missing_declarations import Publication
from phtlab.notebook.names import PRESENT, names_of


def check_rounds(
    cells: Sequence[Cell],
    calls: Sequence[Call],
    published: Sequence[Publication],
    outputs: Collection[str],
    received: Mapping[str, Call],
) -> Iterator[Finding]:
    """Yield what keeps a notebook with round or combine cells from becoming a train of rounds.

    `calls` are those of phtlab in the train's cells, `received` the first that receives each name.
    """
    rounds = [cell.number for cell in cells if cell.role == "round"]
    combine = [cell.number for cell in cells if cell.role == "combine"]
    if not rounds or not combine:
        yield _unpaired(rounds, combine)
        return
    yield from _outside_of_rounds(cells, calls)
    for publication in published:
        if publication.output.to != "researcher":
            yield error(
                "rounds-hand-on",
                f"cell {publication.cell}, line {publication.line}: in a train of rounds nothing "
                f"is handed on to the next station. Leave out to= of '{publication.output.name}': "
                "the combine cells read it with phtlab.updates.",
                publication.cell,
                publication.line,
            )
    sent: set[str] = set()
    for call in calls:
        if cells[call.cell - 1].role != "combine":
            continue
        if call.word == "updates":
            yield from _updates(call, outputs)
        elif call.word in ("send", "finish"):
            yield from _written_out(call)
        if call.word == "send":
            names = [keyword.arg for keyword in call.node.keywords if keyword.arg]
            sent.update(names)
            yield from _unreceived(call, names, received)
    for name, call in received.items():
        if name not in sent:
            yield warning(
                "receive-unsent",
                f"cell {call.cell}, line {call.line}: '{name}' is received, and no combine cell "
                "sends it, so each round gets its default. Add "
                f"phtlab.send({name}=…) to a combine cell, or use the default as a value.",
                call.cell,
                call.line,
            )


def check_kept(cells: Sequence[Cell], calls: Sequence[Call]) -> Iterator[Finding]:
    """Yield errors for calls of `keep` and `kept` in other cells than round cells.

    `calls` are those in cells that run at stations.
    """
    for call in calls:
        role = cells[call.cell - 1].role
        if call.word in KEEP_WORDS and role != "round":
            yield error(
                "keep-outside-round",
                f"cell {call.cell}, line {call.line}: phtlab.{call.word} is in a {role} cell, and "
                "is kept from round to round alone. Move the call into a round cell; what a "
                f"{role} cell computes is computed again if the container is lost.",
                call.cell,
                call.line,
            )


def check_defaults(
    received: Mapping[str, Call], trees: Sequence[tuple[Cell, ast.Module]]
) -> Iterator[Finding]:
    """Yield warnings for defaults that combine cells may not have: they take them too.

    `trees` are of the train's cells. All its imports are there, and its parameters.
    """
    seen = set(PRESENT)
    for cell, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.alias):
                seen.add((node.asname or node.name).split(".")[0])
            elif cell.role == "parameters" and isinstance(node, ast.Name):
                seen.add(node.id)
    for name, call in received.items():
        try:
            default = arguments_of(call).get("default")
        except RefusedCallError:
            continue
        if default is None:
            continue
        text = ast.unparse(default)
        used = names_of(ast.parse(text), text)
        for other in sorted((used.uses | used.later).keys() - seen)[:1]:
            yield warning(
                "receive-default-name",
                f"cell {call.cell}, line {call.line}: the default of '{name}' uses '{other}', "
                "which only a kernel has that ran the cell that defines it. Combine cells of the "
                f"first round take the default too: write it without '{other}', from "
                "parameters and imports.",
                call.cell,
                call.line,
            )


def _unpaired(rounds: Sequence[int], combine: Sequence[int]) -> Finding:
    if rounds:
        return error(
            "round-uncombined",
            f"cell {rounds[0]} is marked as 'round', and no cell as 'combine', so nothing would "
            "come after the first round. Mark the cell that computes the next values from "
            "phtlab.updates(…) as 'combine', or mark the round cells as 'station'.",
            rounds[0],
        )
    return error(
        "combine-unrounded",
        f"cell {combine[0]} is marked as 'combine', and no cell as 'round', so there would be "
        "nothing to combine. Mark the cells that stations run again in each round as 'round', or "
        "mark the combine cells as 'aggregate'.",
        combine[0],
    )


def _outside_of_rounds(cells: Sequence[Cell], calls: Sequence[Call]) -> Iterator[Finding]:
    for call in calls:
        role = cells[call.cell - 1].role
        if role in ("round", "combine"):
            continue
        where = f"cell {call.cell}, line {call.line}: "
        if call.word == "receive":
            yield error(
                "receive-outside-round",
                f"{where}a {role} cell receives, and runs once, before the first round. Move the "
                "call into a round cell.",
                call.cell,
                call.line,
            )
        elif call.word == "publish":
            yield error(
                "publish-outside-round",
                f"{where}a {role} cell publishes, and in a train of rounds outputs leave with a "
                "round. Move the call into a round cell.",
                call.cell,
                call.line,
            )


def _updates(call: Call, outputs: Collection[str]) -> Iterator[Finding]:
    try:
        node = arguments_of(call).get("name")
    except RefusedCallError:
        node = None
    name = text_of(node)
    if name is None:
        yield error(
            "updates-computed",
            f"cell {call.cell}, line {call.line}: the output that phtlab.updates reads is "
            'computed. Write its name out, as in phtlab.updates("gradient").',
            call.cell,
            call.line,
        )
    elif name not in outputs:
        yield error(
            "updates-unpublished",
            f"cell {call.cell}, line {call.line}: no round cell publishes '{name}' "
            f"({_listed('published', outputs)}). Publish it, or read one of these.",
            call.cell,
            call.line,
        )


def _written_out(call: Call) -> Iterator[Finding]:
    hidden = call.node.args or any(keyword.arg is None for keyword in call.node.keywords)
    if hidden:
        yield error(
            "send-computed",
            f"cell {call.cell}, line {call.line}: the names of what phtlab.{call.word} is given "
            f"are not written out. Write phtlab.{call.word}(name=value), so that reviewers read "
            "what is sent before anything runs.",
            call.cell,
            call.line,
        )


def _unreceived(
    call: Call, names: Sequence[str], received: Mapping[str, Call]
) -> Iterator[Finding]:
    for name in names:
        if name not in received:
            yield error(
                "send-unreceived",
                f"cell {call.cell}, line {call.line}: '{name}' is sent, and no round cell receives "
                f"it ({_listed('received', received)}). Add "
                f'phtlab.receive("{name}", default=…) to a round cell.',
                call.cell,
                call.line,
            )


def _listed(what: str, names: Collection[str]) -> str:
    return f"{what}: {', '.join(names) or 'none'}"
