"""How much a train could disclose about single persons: computed from it, with reasons.

The risk is not a verdict on the researcher. It shows how closely a person should review, and
limits a station's policy and approvals. The station computes it itself, and never relies on the
risk in a proposal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from phtlab.train.documents.manifest import Output, TrainManifest

Risk = Literal["low", "mid", "high"]
RISKS: Final[tuple[Risk, ...]] = get_args(Risk)
MANY_ROUNDS: Final = 10
MANY_JOURNEYS: Final = 100


@dataclass(frozen=True)
class Reason:
    """A reason for a risk. `code` is stable; `sentence` is for people."""

    risk: Risk
    code: str
    sentence: str


@dataclass(frozen=True)
class Assessment:
    reasons: tuple[Reason, ...]

    @property
    def risk(self) -> Risk:
        """The highest risk of the reasons; low without any."""
        return max((reason.risk for reason in self.reasons), key=RISKS.index, default="low")


def within(risk: Risk, limit: Risk) -> bool:
    """Return whether `risk` is at most `limit`."""
    return RISKS.index(risk) <= RISKS.index(limit)


def assess(
    manifest: TrainManifest,
    *,
    known_images: Collection[str] = (),
    rounds: int = 1,
    journeys: int = 1,
) -> Assessment:
    """Assess `manifest`; its kernel image is new unless its digest is in `known_images`.

    `rounds` is the most rounds of its journeys, and counts for a route of rounds only.

    An output that a station hands on is of mid risk at least: another organisation gets numbers of
    this station alone, can compare them with its own data, and nobody among the recipients has
    seen them then. So a rule for low-risk trains covers no train that hands anything on.
    """
    found = [reason for output in manifest.outputs for reason in _of_output(output)]
    found += [_of_handed_on(output) for output in manifest.handed_on]
    if manifest.kernel.digest not in known_images:
        found.append(
            Reason("mid", "new-image", f"The kernel image {manifest.kernel.name} is new here.")
        )
    for name, declared in manifest.parameters.get("properties", {}).items():
        if _is_free_text(declared):
            found.append(
                Reason("mid", "free-text", f"The parameter '{name}' takes any text, code too.")
            )
    rounds = rounds if manifest.route == "rounds" else 1
    found += how_often(rounds=rounds, journeys=journeys).reasons
    return Assessment(tuple(sorted(found, key=lambda finding: -RISKS.index(finding.risk))))


def how_often(*, rounds: int, journeys: int) -> Assessment:
    """Assess the numbers of rounds and journeys alone: no train with these has a lower risk."""
    found = []
    if rounds >= MANY_ROUNDS:
        found.append(
            Reason("mid", "many-rounds", f"{rounds} rounds ask the same persons' data again.")
        )
    if journeys >= MANY_JOURNEYS:
        found.append(
            Reason("mid", "many-journeys", f"{journeys} journeys ask the same data again.")
        )
    return Assessment(tuple(found))


def _of_output(output: Output) -> list[Reason]:
    name = output.name
    if output.kind == "file":
        return [Reason("high", "file", f"'{name}' is a file, whose content nobody can check.")]
    if output.kind == "model":
        return [
            Reason(
                "high", "model", f"'{name}' is a model: who was in its data may be told from it."
            )
        ]
    if output.kind == "table" and output.counts is None:
        return [
            Reason(
                "high",
                "row-level",
                f"'{name}' is a table that names no column of counts: its rows may be persons.",
            )
        ]
    if output.kind == "figure" and output.counts is None:
        return [
            Reason("mid", "figure", f"'{name}' is a figure whose data name no column of counts.")
        ]
    if output.kind == "scalar" and output.counts is None and not output.of:
        sentence = f"'{name}' is a number that does not say of how many persons it is."
        return [Reason("mid", "scalar", sentence)]
    if output.statistic is not None:
        sentence = f"'{name}' is a single person's value ({output.statistic})."
        return [Reason("mid", "scalar", sentence)]
    return []


def _of_handed_on(output: Output) -> Reason:
    sentence = f"'{output.name}' is handed on: the next station sees it before the recipients do."
    return Reason("mid", "handed-on", sentence)


def _is_free_text(declared: Mapping[str, Any]) -> bool:
    inner = declared.get("items") if declared.get("type") == "array" else declared
    return isinstance(inner, Mapping) and inner.get("type") == "string" and "enum" not in inner
