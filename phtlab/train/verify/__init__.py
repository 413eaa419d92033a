"""Verification of trains, orders, rounds and stop records: signatures first, then every field.

Pure: it fetches nothing and reads no clock. The caller supplies the roster
(`phtlab/trust_store/trust.py`), the time and what it has seen before, and checks parameter values
against their schema, in `phtlab.notebook`.

Each refusal has its own code, which people, logs and tests can distinguish.
"""

from phtlab.train.verify.chain import SignedJourney, verify_continuation, verify_turn
from phtlab.train.verify.order import verify_order
from phtlab.train.verify.predicate import CLOCK_SKEW
from phtlab.train.verify.record import (
    DepartedStop,
    verify_contradiction,
    verify_record,
    verify_records,
)
from phtlab.train.verify.rounds import verify_instruction, verify_round_record, verify_series
from phtlab.train.verify.train import verify_train

__all__ = [
    "CLOCK_SKEW",
    "DepartedStop",
    "SignedJourney",
    "verify_continuation",
    "verify_contradiction",
    "verify_instruction",
    "verify_order",
    "verify_record",
    "verify_records",
    "verify_round_record",
    "verify_series",
    "verify_train",
    "verify_turn",
]
