"""Verdicts that other stations would give a dry run's outputs, by the rules that they publish.

The outputs are of made-up rows. A forecast does not know what a station knows beyond its rules: its
earlier releases, how much of the month's limits is used, and its own counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pydantic import ValidationError

from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.airlock.intake import RunOutputs
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import Forecast, OutputVerdict
from phtlab.wire.api.journeys import StationView

MOST_RULES: Final = 8
"""How many different sets of rules are tried; stations beyond them get no forecast."""


def forecast(
    stations: Iterable[StationView],
    datasets: Collection[str],
    outputs: tuple[Output, ...],
    run_outputs: RunOutputs,
    known: tuple[AirlockRules, Sequence[OutputVerdict]],
) -> tuple[Forecast, ...]:
    """Forecast for those of `stations` that have `datasets` and publish rules, by equal rules.

    `known` are the caller's own rules and verdicts: those are not computed again.
    """
    alike: list[tuple[AirlockRules, list[str]]] = []
    for station in stations:
        rules = _rules_of(station, datasets)
        if rules is None:
            continue
        names = next((names for found, names in alike if found == rules), None)
        if names is not None:
            names.append(station.name)
        elif len(alike) < MOST_RULES:
            alike.append((rules, [station.name]))
    return tuple(
        Forecast(
            stations=tuple(names),
            outputs=tuple(known[1])
            if rules == known[0]
            else tuple(output.verdict for output in pass_outputs(outputs, run_outputs, rules)),
        )
        for rules, names in alike
    )


def _rules_of(station: StationView, datasets: Collection[str]) -> AirlockRules | None:
    has = {dataset.name for dataset in station.datasets}
    if station.airlock is None or not has.issuperset(datasets):
        return None
    try:
        return AirlockRules.model_validate(station.airlock)
    except ValidationError:
        return None  # a newer station's rules, or invalid ones: no forecast
