"""The passage of a stop's outputs through the airlock, each to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from phtlab.errors import AirlockError
from phtlab.station.airlock import figure, model, scalar, strict_json, table
from phtlab.station.airlock.content import Content, FileContent
from phtlab.station.airlock.rules import AirlockRules
from phtlab.train.manifest import Output
from phtlab.train.record import OutputVerdict


class Left(Protocol):
    """The files that the run left, by name; each up to a limit in bytes. Raises AirlockError."""

    def read(self, name: str, limit: int) -> bytes:
        """The whole content."""

    def open(self, name: str, limit: int) -> BinaryIO:
        """The file itself, which stays open until all has left."""


_INDEX_BYTES = 64 * 2**10


@dataclass(frozen=True)
class Passed:
    """One output: the verdict, and the files that leave, by name, if it is good."""

    verdict: OutputVerdict
    files: Mapping[str, Content] = field(default_factory=dict, repr=False)


def pass_outputs(
    outputs: tuple[Output, ...], left: Left, rules: AirlockRules
) -> tuple[Passed, ...]:
    """All declared `outputs`; the last ones are refused once the whole is too large."""
    passed = []
    room = rules.max_total
    for output in outputs:
        one = pass_output(output, left, rules)
        size = sum(map(len, one.files.values()))
        if size > room:
            one = _refusal(
                output,
                AirlockError(
                    f"All outputs together exceed {rules.max_total} bytes.", code="total-size"
                ),
            )
        else:
            room -= size
        passed.append(one)
    return tuple(passed)


def pass_output(output: Output, left: Left, rules: AirlockRules) -> Passed:
    """One output as it may leave, or the rule that refuses it. Never raises AirlockError."""
    try:
        if output.kind not in rules.kinds:
            raise AirlockError(
                f"This station releases no output of kind '{output.kind}'.", code="kind"
            )
        _require_kind(output, left)
        return _BY_KIND[output.kind](output, left, rules)
    except AirlockError as error:
        return _refusal(output, error)


def _require_kind(output: Output, left: Left) -> None:
    index = strict_json.parse(left.read(f"{output.name}.json", _INDEX_BYTES), limit=_INDEX_BYTES)
    if not isinstance(index, dict) or index.get("kind") != output.kind:
        raise AirlockError(
            f"The run published something else than the declared {output.kind}.", code="kind"
        )


def _pass_table(output: Output, left: Left, rules: AirlockRules) -> Passed:
    parsed = table.parse_table(left.read(output.name + ".table.json", rules.max_output), rules)
    suppressed = 0
    if output.counts is not None:
        parsed, suppressed = table.without_small_counts(parsed, output.counts, rules.minimum_count)
    table.require_distinct_few(parsed, rules)
    content = table.to_parquet(parsed, rules.significant_digits)
    return Passed(_release(output, suppressed, rules), {f"{output.name}.parquet": content})


def _pass_scalar(output: Output, left: Left, rules: AirlockRules) -> Passed:
    value = scalar.parse_scalar(left.read(output.name + ".scalar.json", rules.max_output))
    if output.counts is not None:
        scalar.require_large(value, rules)
    return Passed(_release(output), {f"{output.name}.json": scalar.scalar_file(value)})


def _pass_figure(output: Output, left: Left, rules: AirlockRules) -> Passed:
    picture, data = figure.check_figure(
        left.read(output.name + ".png", rules.max_output),
        left.read(output.name + ".data.json", rules.max_output),
        output.counts,
        rules,
    )
    return Passed(
        _release(output),
        {
            f"{output.name}.png": picture,
            f"{output.name}.parquet": table.to_parquet(data, rules.significant_digits),
        },
    )


def _pass_model(output: Output, left: Left, rules: AirlockRules) -> Passed:
    content = model.rewritten_model(left.open(output.name + ".safetensors", rules.max_output))
    return Passed(_release(output), {f"{output.name}.safetensors": content})


def _pass_file(output: Output, left: Left, rules: AirlockRules) -> Passed:
    # Bytes that nobody can check: a policy that lists the kind trusts the train for them.
    content = FileContent.whole(left.open(output.name + ".bin", rules.max_output))
    return Passed(_release(output), {f"{output.name}.bin": content})


_BY_KIND: dict[str, Callable[[Output, Left, AirlockRules], Passed]] = {
    "table": _pass_table,
    "scalar": _pass_scalar,
    "figure": _pass_figure,
    "model": _pass_model,
    "file": _pass_file,
}


def _release(
    output: Output, suppressed: int = 0, rules: AirlockRules | None = None
) -> OutputVerdict:
    if not suppressed or rules is None:
        return OutputVerdict(name=output.name, kind=output.kind, verdict="released")
    rows = "1 row" if suppressed == 1 else f"{suppressed} rows"
    return OutputVerdict(
        name=output.name,
        kind=output.kind,
        verdict="suppressed",
        rule="small-count",
        sentence=f"{rows} with a count below {rules.minimum_count} stayed at the station.",
        suppressed_rows=suppressed,
    )


def _refusal(output: Output, error: AirlockError) -> Passed:
    return Passed(
        OutputVerdict(
            name=output.name,
            kind=output.kind,
            verdict="refused",
            rule=error.code,
            sentence=error.message,
        )
    )
