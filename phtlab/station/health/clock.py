"""Check of this machine's clock, against central's time and against signed documents.

This clock decides on an order's expiry, the roster's freshness and a token's lifetime. Central's
time is unsigned: it can only reveal a clock that is wrong by accident. The times in signed
documents are a lower bound that central cannot move, since nothing is signed before its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from tuf.api.metadata import Metadata, Targets, Timestamp

from phtlab.clock import duration_text
from phtlab.station.executor.contract import CheckResult
from phtlab.trust_store.repository import Lifetimes

WARNED = timedelta(seconds=10)
BROKEN = timedelta(seconds=60)
"""Beyond this, central rejects the station's tokens: `phtlab.wire.central.token.SKEW`."""
_ADVICE = "Set the clock, and keep it set: timedatectl set-ntp true"


def judge_clock(
    now: datetime, central: datetime | None, signed: Iterable[tuple[str, datetime]]
) -> CheckResult:
    """Judge `now` by central's time, and by signed documents (name, earliest signing time)."""
    for what, moment in signed:
        if now < moment - BROKEN:
            behind = duration_text((moment - now).total_seconds(), at_least=True)
            return CheckResult(
                "clock",
                False,
                f"The clock is at least {behind} behind: {what} is of {moment:%Y-%m-%d %H:%M} UTC.",
                _ADVICE,
            )
    if central is None:
        return CheckResult(
            "clock",
            True,
            f"It is {now:%Y-%m-%d %H:%M} UTC here; central did not say what it has.",
            "phtlab station check, once central answers",
            warning=True,
        )
    off = now - central
    way = "ahead of" if off > timedelta(0) else "behind"
    if abs(off) > BROKEN:
        return CheckResult(
            "clock",
            False,
            f"The clock is {duration_text(abs(off).total_seconds())} {way} central's; "
            "central refuses this station.",
            f"{_ADVICE} (or ask central's operator to, if this one is right)",
        )
    if abs(off) > WARNED:
        sentence = f"The clock is {duration_text(abs(off).total_seconds())} {way} central's."
        return CheckResult("clock", True, sentence, _ADVICE, warning=True)
    return CheckResult("clock", True, "The clock agrees with central's, and with what was signed.")


def signed_moments(trust: Path) -> Iterator[tuple[str, datetime]]:
    """Earliest signing times of the stored roster metadata.

    Each expires at most one lifetime after it was signed (TUF specification, 4.1).
    """
    for name, kind, lifetime in (
        ("timestamp", Timestamp, Lifetimes.online),
        ("targets", Targets, Lifetimes.targets),
    ):
        path = trust / "metadata" / f"{name}.json"
        if path.exists():
            found = Metadata[kind].from_file(str(path)).signed  # type: ignore[valid-type]
            yield f"the roster's {name}", found.expires - lifetime
