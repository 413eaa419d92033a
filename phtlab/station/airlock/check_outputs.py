"""Check a stop's outputs: read each, compare those that count people, and give each a verdict.

First the airlock reads each output and checks it by itself; then it compares those that count
people with each other and with earlier releases (`disclosure/linked_tables.py`); then it gives each
a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from phtlab.errors import AirlockError
from phtlab.station.airlock.cells import Cells
from phtlab.station.airlock.disclosure import dominance, small_counts
from phtlab.station.airlock.disclosure.extremes import extreme_arrays, is_extreme
from phtlab.station.airlock.disclosure.linked_tables import EmptyHistory, History, check_together
from phtlab.station.airlock.disclosure.saturation import check_models, check_numbers
from phtlab.station.airlock.disclosure.value_checks import check_values
from phtlab.station.airlock.formats import figure, file_types, model, scalar, strict_json, table
from phtlab.station.airlock.formats.content import Content
from phtlab.station.airlock.formats.table import Table
from phtlab.station.airlock.intake import Intake, RunOutputs, find_beyond
from phtlab.station.airlock.marked_output import BYTES_OF_NUMBER, MarkedOutput
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.station.policy.airlock_findings import Action, Finding, named
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output, OutputKind
from phtlab.train.documents.record import OutputVerdict

_INDEX_BYTES = 64 * 2**10


@dataclass(frozen=True)
class CheckedOutput:
    """An output's verdict and its files by name.

    For `released` and `suppressed` the files leave. For `held` they are what leaves if a person
    releases the output. `refused` has none. `findings` give the reasons and stay at the station:
    their details hold values. `cells` are the cells that an output with person counts counts.
    """

    verdict: OutputVerdict
    files: Mapping[str, Content] = field(default_factory=dict, repr=False)
    findings: tuple[Finding, ...] = ()
    cells: Cells | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OutputsRead:
    """Outputs that are read, redrawn and each checked by itself, and the stop's work limit.

    For one `check_read`, which adds findings to the outputs and takes steps.
    """

    each: tuple[MarkedOutput | CheckedOutput, ...]
    steps: WorkLimit


def pass_outputs(
    outputs: tuple[Output, ...],
    run_outputs: RunOutputs,
    rules: AirlockRules,
    history: History | None = None,
) -> tuple[CheckedOutput, ...]:
    """Check all declared `outputs`; those after the total size is exceeded are refused.

    `history` is what this station has released of the same data sets
    (`history/released_counts.py`).
    """
    return check_read(read_outputs(outputs, run_outputs, rules), rules, history)


def read_outputs(
    outputs: tuple[Output, ...], run_outputs: RunOutputs, rules: AirlockRules
) -> OutputsRead:
    """Read what the run wrote of `outputs`, and check each by itself.

    Needs no history, and so not the exclusive access to it.
    """
    intake = Intake(run_outputs, rules)
    return OutputsRead(tuple(_read(output, intake, rules) for output in outputs), intake.steps)


def check_read(
    read: OutputsRead, rules: AirlockRules, history: History | None = None
) -> tuple[CheckedOutput, ...]:
    """Compare the outputs with each other and with `history`, and give each its verdict."""
    drafts = [marked for marked in read.each if isinstance(marked, MarkedOutput)]
    history = history or EmptyHistory()
    check_models(drafts, rules)
    find_beyond(drafts, rules)
    check_together(drafts, rules, history, read.steps)
    check_numbers(drafts, rules, history.most)
    passed = []
    room = rules.max_total
    for draft in read.each:
        checked = draft if isinstance(draft, CheckedOutput) else _finished(draft, rules)
        size = sum(map(len, checked.files.values()))
        if size > room:
            checked = _refusal(
                checked.verdict.name,
                checked.verdict.kind,
                AirlockError(
                    f"All outputs together exceed {rules.max_total} bytes.", code="total-size"
                ),
            )
        else:
            room -= size
        passed.append(checked)
    return tuple(passed)


def _read(output: Output, intake: Intake, rules: AirlockRules) -> MarkedOutput | CheckedOutput:
    try:
        if output.kind not in rules.kinds:
            raise AirlockError(
                f"This station releases no output of kind '{output.kind}'.", code="kind"
            )
        _require_kind(output, intake)
        if output.kind != "table" and (output.total is not None or output.largest):
            raise AirlockError("Only a table has sums of what people contribute.", code="kind")
        return _BY_KIND[output.kind](output, intake, rules)
    except AirlockError as error:
        return _refusal(output.name, output.kind, error)


def _finished(draft: MarkedOutput, rules: AirlockRules) -> CheckedOutput:
    verdict = draft.verdict(rules)
    files = {} if verdict.verdict == "refused" else draft.contents(rules)
    return CheckedOutput(verdict, files, tuple(draft.findings), draft.cells)


def released_at_twin(passed: Sequence[CheckedOutput]) -> tuple[CheckedOutput, ...]:
    """Return the verdicts with held outputs released, as a twin station does.

    A twin station has no personal data and no person to ask. What other stations would hold leaves,
    with the rule and the sentence.
    """
    return tuple(
        replace(
            output,
            verdict=output.verdict.model_copy(
                update={
                    "verdict": "suppressed" if output.verdict.suppressed_rows else "released",
                    "sentence": f"Stations may hold this for a person. {output.verdict.sentence}",
                }
            ),
        )
        if output.verdict.verdict == "held"
        else output
        for output in passed
    )


def _require_kind(output: Output, intake: Intake) -> None:
    if _index(output, intake).get("kind") != output.kind:
        raise AirlockError(
            f"The run published something else than the declared {output.kind}.", code="kind"
        )


def _index(output: Output, intake: Intake) -> Mapping[str, Any]:
    index = strict_json.parse(intake.read(f"{output.name}.json", _INDEX_BYTES), limit=_INDEX_BYTES)
    return index if isinstance(index, dict) else {}


def _read_table(output: Output, intake: Intake, rules: AirlockRules) -> MarkedOutput:
    intake.require_room()
    parsed = table.parse_table(intake.read(output.name + ".table.json", rules.max_output), rules)
    intake.require_room(parsed)
    parsed = _as_it_leaves(parsed, output, rules)
    draft = MarkedOutput(output, table=parsed)
    if output.counts is not None:
        check_values(draft, parsed, rules, intake.steps)
    else:
        _find_uncounted(draft, parsed, rules.tables.uncounted)
    if output.total is not None:
        _find_dominated(draft, parsed, rules)
    table.require_distinct_few(table.without_rows(parsed, draft.taken), rules)
    return draft


def _as_it_leaves(parsed: Table, output: Output, rules: AirlockRules) -> Table:
    """Round labels before they are checked; sums and counts are rounded only when they leave."""
    exact = {output.counts or "", output.total or "", *output.largest}
    return table.with_rounded(parsed, rules.significant_digits, exact)


def _find_uncounted(draft: MarkedOutput, parsed: Table, action: Action) -> None:
    """Note that no rule knows how many people a row is about; it may be a single person."""
    if parsed.rows == 0:
        return
    draft.find(
        "uncounted",
        action,
        f"It is a {draft.output.kind} that does not say which column counts people.",
        (f"{parsed.rows} rows, {len(parsed.columns)} columns",),
        set(),
    )


def _find_dominated(draft: MarkedOutput, parsed: Table, rules: AirlockRules) -> None:
    by_share, by_p = dominance.dominated_rows(parsed, draft.output, rules)
    if by_share:
        draft.find(
            "dominance",
            rules.tables.dominance,
            f"It has sums of which {rules.dominance_n} people make more than "
            f"{rules.dominance_k:g} %.",
            named(table.described(parsed, row) for row in sorted(by_share)),
            by_share,
        )
    if by_p:
        draft.find(
            "p-percent",
            rules.tables.p_percent,
            f"It has sums that tell what one person contributes to within {rules.p_percent:g} %.",
            named(table.described(parsed, row) for row in sorted(by_p)),
            by_p,
        )


def _read_scalar(output: Output, intake: Intake, rules: AirlockRules) -> MarkedOutput:
    content = intake.read(output.name + ".scalar.json", rules.max_output)
    value = scalar.parse_scalar(content)
    draft = MarkedOutput(
        output, {f"{output.name}.json": scalar.scalar_file(value, rules.significant_digits)}
    )
    if output.counts is not None:
        draft.count = scalar.count_of(value)
        small_counts.check_scalar(draft, draft.count, rules)
    if output.of:
        draft.people = scalar.people_in(scalar.document(content))
        draft.values = int(output.counts is None)
        draft.reveals_count = scalar.reveals_count(value, draft.people)
        small_counts.check_share(draft, value, draft.people, rules)
    if output.counts is None and not output.of:
        draft.find(
            "uncounted",
            rules.scalars.uncounted,
            "It is a scalar that says neither that it counts people nor of how many it is.",
            (f"{output.name} = {value}",),
            set(),
        )
    if output.statistic is not None or (output.counts is None and is_extreme(output.name)):
        draft.find(
            "extreme",
            rules.scalars.extreme,
            "It is the largest or smallest value, or a quantile, which is one person's."
            if output.statistic is not None
            else "It is named as the largest or smallest value, or a quantile: one person's.",
            (f"{output.name} = {value}",),
            set(),
        )
    return draft


def _read_figure(output: Output, intake: Intake, rules: AirlockRules) -> MarkedOutput:
    intake.require_room()
    data = figure.read_data(intake.read(output.name + ".data.json", rules.max_output), rules)
    intake.require_room(data)
    data = _as_it_leaves(data, output, rules)
    picture = intake.read(output.name + ".png", rules.max_output)
    intake.require_pixels(figure.pixels_in(picture, rules.max_pixels))
    drawn = figure.redraw(picture, rules.max_pixels, rules.max_colors)
    draft = MarkedOutput(output, {f"{output.name}.png": drawn}, table=data)
    if output.counts is not None:
        check_values(draft, data, rules, intake.steps)
    else:
        _find_uncounted(draft, data, rules.figures.uncounted)
    return draft


def _read_model(output: Output, intake: Intake, rules: AirlockRules) -> MarkedOutput:
    found = model.read_model(intake.open(output.name + ".safetensors", rules.max_output))
    model.require_declared(found.names, output.tensors)
    draft = MarkedOutput(
        output,
        {f"{output.name}.safetensors": found.content},
        parameters=found.numbers,
        # A tensor's name, and eight bytes for its type, shape and offset.
        names=sum(len(name) + BYTES_OF_NUMBER for name in found.names),
        values=found.numbers,
        reveals_count=False,
    )
    if names := extreme_arrays(found.names):
        sentence = "It has arrays that are named as largest or smallest values: one person's each."
        draft.find("extreme", rules.models.extreme, sentence, named(names), set())
    if not output.of:
        sentence, detail = "It is a model that does not say of how many people it is.", ()
        draft.find("uncounted", rules.models.uncounted, sentence, detail, set())
        return draft
    draft.people = scalar.people_in(_index(output, intake))
    small_counts.check_model(draft, draft.people, rules)
    return draft


def _read_file(output: Output, intake: Intake, rules: AirlockRules) -> MarkedOutput:
    found = file_types.check_file(intake.open(output.name + ".bin", rules.max_output), rules)
    draft = MarkedOutput(output, {f"{output.name}.bin": found.content}, parameters=found.numbers)
    draft.find(
        "unchecked",
        rules.files.unchecked,
        "It is a file, and no rule says what its content tells of people.",
        (f"{found.type}, {len(found.content)} bytes",),
        set(),
    )
    if found.operations:
        draft.find(
            "structure",
            rules.models.structure,
            "It is a model with a graph of operations, which can hold more than parameters.",
            (f"{found.operations} operations",),
            set(),
        )
    return draft


_BY_KIND: Mapping[str, Callable[[Output, Intake, AirlockRules], MarkedOutput]] = {
    "table": _read_table,
    "scalar": _read_scalar,
    "figure": _read_figure,
    "model": _read_model,
    "file": _read_file,
}


def _refusal(name: str, kind: OutputKind, error: AirlockError) -> CheckedOutput:
    return CheckedOutput(
        OutputVerdict(name=name, kind=kind, verdict="refused", rule=error.code, sentence=str(error))
    )
