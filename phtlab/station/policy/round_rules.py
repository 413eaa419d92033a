"""Rules for journeys of rounds, `[rounds]` of policy.toml: how many, when, and who combines."""

from __future__ import annotations

from pydantic import Field

from phtlab.governance.rounds import count
from phtlab.strict_model import StrictModel
from phtlab.train.documents.order import MAX_ROUNDS, OrderedRounds


class RoundRules(StrictModel):
    """What this station takes part in, of a journey of rounds, its series."""

    most: int = Field(50, ge=1, le=MAX_ROUNDS, description="Largest number of rounds of a journey")
    interval: float = Field(
        0.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds between the moments at which answers leave; 0: each when it is ready",
    )
    without_membership: int = Field(
        0,
        ge=0,
        lt=2**40,
        description="Numbers of models and scalars that all rounds of a journey together may "
        "release where the airlock's rules on models would hold so many; an approval's terms may "
        "allow more",
    )
    aggregators: tuple[str, ...] = Field(
        (), description='Aggregators whose instructions are followed, by name; `"*"`: any'
    )
    require_aggregator: bool = Field(
        False, description="Whether orders are refused that the researcher's kernel combines"
    )

    def why_not_so_many(self, ordered: OrderedRounds) -> str:
        """Return why an order has too many rounds for this station, as text; "" if it has not."""
        if ordered.most <= self.most:
            return ""
        most = count(self.most, "round")
        return f"takes part in at most {most} of a journey; this one has up to {ordered.most:,}"

    def why_not_combined(self, ordered: OrderedRounds) -> str:
        """Return why this station does not follow whoever combines, as text; "" if it does."""
        name = ordered.aggregator
        if name is None and not self.require_aggregator:
            return ""
        if name is None:
            return "takes part only in rounds that an aggregator combines"
        if not {name, "*"} & set(self.aggregators):
            return f"does not accept the aggregator {name}"
        return ""
