"""`updates`, `report`, `send` and `finish`: what combine cells call between two rounds.

Whoever runs combine cells sets the `Combination` of the round: the researcher's kernel, or that of
an aggregator's sandbox. Without one, and outside of a station, their author runs them by hand,
after the round cells: they get what these published here, as if it were that of one station. At a
station with data combine cells never run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, SupportsFloat, overload

from phtlab.runtime.errors import CombineError, PublishError
from phtlab.runtime.rounds.local_rounds import (
    STATION,
    LocalRounds,
    local_rounds,
    show_line,
    this_run,
)


@dataclass
class Combination:
    """One round's updates, and what its combine cells decide.

    Args:
        number: the round whose updates are combined.
        stations: the stations whose updates arrived, in the order of their names.
        contents: each output's values by station: of a model a dict of its arrays by name, of a
            scalar a bool, int or float.
        sent: what `send` was called with, by name, and `finish` if it was called.
        finished: whether `finish` was called.
        reported: what `report` was called with, by name.
        received: the names that round cells receive, and so can be sent; None if any may be.
    """

    number: int
    stations: tuple[str, ...]
    contents: Mapping[str, Mapping[str, Any]]
    sent: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    reported: dict[str, float] = field(default_factory=dict)
    received: frozenset[str] | None = None


@dataclass
class _ByHand(Combination):
    """A combination of what was published in this process, by cells that are run by hand."""

    rounds: LocalRounds = field(default_factory=LocalRounds)
    run: object = None


_current: Combination | None = None
_by_hand: _ByHand | None = None


@contextmanager
def combining(combination: Combination) -> Iterator[Combination]:
    """Make `combination` the one that combine cells of this process work on."""
    before = _current
    set_combination(combination)
    try:
        yield combination
    finally:
        set_combination(before)


def set_combination(combination: Combination | None) -> None:
    """Make `combination` the one that cells work on from now on, where no block encloses them."""
    global _current
    _current = combination


@dataclass(frozen=True)
class Update:
    """What one station published in the round: a model's arrays by name, or a scalar."""

    station: str
    value: Any

    def __getitem__(self, array: str) -> Any:
        """The model's array of this name. Raises CombineError if there is none."""
        if not isinstance(self.value, Mapping) or array not in self.value:
            raise CombineError(
                "combine-array",
                f"the update of {self.station} has no array '{array}' ({_forms(self.value)}).",
            )
        return self.value[array]

    def __float__(self) -> float:
        return float(_array_of(self, None))


class Updates(Sequence[Update]):
    """The updates of one output, in the order of the stations' names."""

    def __init__(self, name: str, updates: Sequence[Update]) -> None:
        self._name = name
        self._updates = tuple(updates)

    @property
    def stations(self) -> tuple[str, ...]:
        """The stations whose updates these are, in the same order."""
        return tuple(update.station for update in self._updates)

    def sum(self, array: str | None = None) -> Any:
        """Return the sum over stations: of a scalar, or of a model's `array`.

        `array` may be left out if the model has one array only.

        Raises:
            CombineError: there is no such array, or stations sent arrays of different shapes.
        """
        import numpy as np

        values = [np.asarray(_array_of(update, array)) for update in self._updates]
        if len({value.shape for value in values}) > 1:
            shapes = ", ".join(
                f"{update.station} {value.shape}"
                for update, value in zip(self._updates, values, strict=True)
            )
            raise CombineError(
                "combine-shapes",
                f"updates of '{self._name}' have different shapes ({shapes}). Publish arrays of "
                "the same shape at each station.",
            )
        total = np.sum(values, axis=0)
        return total.item() if total.ndim == 0 else total

    def mean(self, array: str | None = None) -> Any:
        """Return the mean over stations, each of the same weight: `sum` divided by their number.

        For a mean over people, publish sums and numbers of people, and divide one by the other.

        Raises:
            CombineError: there is no such array, or stations sent arrays of different shapes.
        """
        return self.sum(array) / len(self._updates)

    @overload
    def __getitem__(self, index: int) -> Update: ...
    @overload
    def __getitem__(self, index: slice) -> Updates: ...
    def __getitem__(self, index: int | slice) -> Update | Updates:
        if isinstance(index, slice):
            return Updates(self._name, self._updates[index])
        if not isinstance(index, int):
            raise CombineError(
                "combine-index",
                f"updates of '{self._name}' are counted from 0, and {index!r} is no number. For "
                f'an array of each station write [update["weights"] for update in '
                f'phtlab.updates("{self._name}")], or use .sum("weights").',
            )
        return self._updates[index]

    def __len__(self) -> int:
        return len(self._updates)

    def __repr__(self) -> str:
        return f"Updates('{self._name}' of {', '.join(self.stations)})"


def updates(name: str) -> Updates:
    """Return what stations published as the output `name` in the round that is combined.

    Only of stations whose update arrived in time, and passed the checks of its airlock.

    Args:
        name: the name of an output that round cells publish, written out in the cell.

    Raises:
        CombineError: there is nothing to combine, or no station published the output in this
            round.
    """
    combination = _combination("updates")
    values = combination.contents.get(name)
    if not values:
        known = ", ".join(f"'{other}'" for other in sorted(combination.contents)) or "none"
        raise CombineError(
            "combine-update",
            f"no station published '{name}' in round {combination.number}. There is: {known}.",
        )
    named = [station for station in combination.stations if station in values]
    return Updates(name, [Update(station, values[station]) for station in named])


def report(**numbers: SupportsFloat) -> None:
    """Report numbers of the round, such as a loss, to those who follow the journey.

    They are sealed to the recipients of the journey, with the next instruction.

    Raises:
        CombineError: there is nothing to combine, or a value is not one number.
    """
    combination = _combination("report")
    for name, value in numbers.items():
        combination.reported[name] = _number(name, value)
    if isinstance(combination, _ByHand):
        shown = ", ".join(f"{name} = {combination.reported[name]:.6g}" for name in numbers)
        show_line(f"round {combination.number} by hand: {shown}")


def send(**values: Any) -> None:
    """Send values to all stations, for the next round, where `receive` returns them.

    Args:
        values: each under the name that round cells receive: a dict of arrays and numbers, or one
            array or number.

    Raises:
        CombineError: there is nothing to combine; no round cell receives the name; the value is
            not numeric; or it was sent already.
    """
    combination = _combination("send")
    for name, value in values.items():
        if combination.received is not None and name not in combination.received:
            known = ", ".join(f"'{other}'" for other in sorted(combination.received)) or "none"
            raise CombineError(
                "combine-unreceived",
                f"no round cell receives '{name}' (received: {known}). Send a value under the "
                "name that phtlab.receive has in a round cell.",
            )
        if name in combination.sent:
            raise CombineError(
                "combine-sent",
                f"'{name}' was sent already in this round. Send each value once, after it is "
                "computed.",
            )
        _require_numeric(name, value)
        combination.sent[name] = value
        if isinstance(combination, _ByHand):
            arrays = sent_arrays(name, value)
            combination.rounds.sent[name] = {key: array.copy() for key, array in arrays.items()}
            show_line(
                f"sent {name}: run the round and combine cells again for round "
                f"{combination.number + 1}"
            )


def finish(**values: Any) -> None:
    """End the rounds: no station computes another one, whatever is sent.

    Args:
        values: what the analysis came to, in the form of `send` and of any name; kept in the
            researcher's results, with what was sent.

    Raises:
        CombineError: there is nothing to combine, or a value is not numeric.
    """
    combination = _combination("finish")
    for name, value in values.items():
        _require_numeric(name, value)
    combination.finished = True
    combination.sent.update(values)
    if isinstance(combination, _ByHand):
        combination.rounds.finished = True
        show_line(
            f"finished in round {combination.number} by hand: the next round is a first one again"
        )


def _combination(word: str) -> Combination:
    if _current is not None:
        return _current
    if (by_hand := _combined_by_hand()) is not None:
        return by_hand
    raise CombineError(
        "combine-outside",
        f"phtlab.{word} works in combine cells alone, after a round: mark the cell as 'combine', "
        "and run the round cells first, which publish what it combines. journey.wait() runs it "
        "each time updates of a round arrived.",
    )


def _combined_by_hand() -> _ByHand | None:
    """Return the combination of what was published here; None if nothing was, or at a station."""
    global _by_hand
    rounds, run = local_rounds(), this_run()
    if not rounds.at_combination():
        return None
    if _by_hand is None or _by_hand.rounds is not rounds or _by_hand.run != run:
        from phtlab.runtime.publishing import combined_value

        contents = {
            name: {STATION: combined_value(output)} for name, output in rounds.published.items()
        }
        # A cell that runs again sends again.
        _by_hand = _ByHand(rounds.number, (STATION,), contents, rounds=rounds, run=run)
    return _by_hand


def _array_of(update: Update, array: str | None) -> Any:
    if array is not None:
        return update[array]
    if not isinstance(update.value, Mapping):
        return update.value
    if len(update.value) != 1:
        raise CombineError(
            "combine-array",
            f"the update of {update.station} has several arrays ({_forms(update.value)}). Name "
            'one of them, as in .sum("weights").',
        )
    return next(iter(update.value.values()))


def _forms(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "it is a single number"
    return "arrays: " + ", ".join(f"'{name}'" for name in sorted(value))


def sent_arrays(name: str, value: Any) -> dict[str, Any]:
    """Return `value` as a model's arrays; a single array or number is one under `name`.

    Raises:
        PublishError: it is not numeric.
    """
    from phtlab.runtime.model import tensors_of

    is_model = isinstance(value, Mapping) or hasattr(value, "get_params")
    return tensors_of(name, value if is_model else {name: value})


def _require_numeric(name: str, value: Any) -> None:
    try:
        sent_arrays(name, value)
    except PublishError as refused:
        raise CombineError(
            "combine-value",
            f"'{name}' cannot be sent: it is a {type(value).__name__} that is not numeric. Send a "
            'number, an array, or a dict of them such as {"weights": array}.',
        ) from refused


def _number(name: str, value: Any) -> float:
    import numpy as np

    number = np.asarray(value) if not isinstance(value, str | bytes) else np.asarray(None)
    if number.dtype.kind not in "biuf" or number.size != 1:
        raise CombineError(
            "combine-number",
            f"{name}= of phtlab.report() is not one number. Report numbers, such as a loss.",
        )
    return float(number.item())
