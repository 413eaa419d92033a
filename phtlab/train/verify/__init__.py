"""What is believed about a train, an order and a stop record: signatures first, then every field.

Pure: nothing is fetched, no clock is read. The caller brings the roster (`trust.py`), the
time and what it has seen before. Parameter values are judged by their schema, in
`phtlab.notebook`, by whoever calls this.

Each refusal has a code of its own, so that a person, a log and a test can tell them apart.
"""

from phtlab.train.verify.order import verify_order, verify_turn
from phtlab.train.verify.predicate import CLOCK_SKEW
from phtlab.train.verify.record import verify_contradiction, verify_record, verify_records
from phtlab.train.verify.train import verify_train

__all__ = [
    "CLOCK_SKEW",
    "verify_contradiction",
    "verify_order",
    "verify_record",
    "verify_records",
    "verify_train",
    "verify_turn",
]
