"""The bases of phtlab's values: what is not declared is refused, and nothing changes afterwards."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A value, or the content of a file, answer or request."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignedModel(StrictModel):
    """A value in a signed statement that may hold a number with a fraction.

    NaN is kept as it is, so that signing refuses it; pydantic would sign null instead.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")
