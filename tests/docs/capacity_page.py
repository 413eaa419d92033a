"""docs/reference/capacity.md: how much a run can say at most, under the default policy."""

from __future__ import annotations

from phtlab.station.airlock.capacity import bits_of_run, bits_of_verdict, capacities
from phtlab.station.policy.policy import Policy
from phtlab.train.documents.manifest import MAX_OUTPUTS
from tests.docs.markdown import heading, table

_INTRODUCTION = (
    "What code that does nothing else could carry out of a station that asks nobody, under the "
    "default policy; what bounds it can be set in the [policy](../policy.md). A person who "
    "reads the code first, and `hold`, are against the rest."
)


def page() -> str:
    rows = [(one.what, f"{one.bits:,}", one.bounded_by) for one in capacities(Policy())]
    after = (
        f"Whatever leaves with it, a journey says {bits_of_run(Policy(), 0)} bits at most by its "
        "progress, its duration and its end; a run whose progress is told cell by cell says more. "
        f"The verdicts in its record say {bits_of_verdict(Policy())} bits more for each output "
        f"that its train declares, also of a run that failed: with {MAX_OUTPUTS} outputs, the most "
        f"there may be, {bits_of_run(Policy()):,} bits in all. They count in no month."
    )
    lines = [
        *heading("Capacity", _INTRODUCTION),
        *table(("of", "bits at most", "bounded by"), rows),
    ]
    return "\n".join([*lines, after]) + "\n"
