"""What the airlocks of other stations would make of a dry run's outputs, by the rules they publish.

The outputs are of made-up rows. What a station knows beyond its rules is not foreseen: what left
there before, how much of the month is used, and its own counts.
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
"""So many different policies are tried; stations beyond them are not foreseen."""


def forecast(
    stations: Iterable[StationView],
    datasets: Collection[str],
    outputs: tuple[Output, ...],
    run_outputs: RunOutputs,
    known: tuple[AirlockRules, Sequence[OutputVerdict]],
) -> tuple[Forecast, ...]:
    """For those of `stations` that have `datasets` and publish their rules, alike ones together.

    `known` are the verdicts by the rules of whoever asks: they are not worked out twice.
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
        return None  # a newer station's, or nonsense: nothing is said of it
