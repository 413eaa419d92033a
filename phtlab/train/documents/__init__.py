"""The documents of a journey: manifest, order, record, roster, in signed envelopes."""
