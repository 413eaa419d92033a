"""The transitions of a stop: admission, running, airlock and departure."""
