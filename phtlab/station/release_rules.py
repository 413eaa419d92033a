"""Who releases what the airlock holds, and until when: `[release]` of policy.toml."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from phtlab.governance.risk import Risk


class ReleaseRules(BaseModel):
    """How outputs that the airlock holds are decided on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: float = Field(
        7.0, gt=0, le=366, description="Days that an output waits; never past the order's end"
    )
    two_persons: tuple[Risk, ...] = Field(
        (), description="Risks of trains whose held outputs two persons release"
    )

    def persons(self, risk: Risk) -> int:
        """How many people have to agree before an output of a train of `risk` leaves."""
        return 2 if risk in self.two_persons else 1

    def until(self, held: datetime, order_expires: datetime) -> datetime:
        """Until when a person may decide on what was held at `held`."""
        return min(held + timedelta(days=self.days), order_expires)
