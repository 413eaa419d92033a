"""The daemon's log: one JSON object a line on standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def warnings_to_stderr() -> None:
    """Log warnings and errors only, from here on: of a command that a person waits for."""
    log_to_stderr()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def log_to_stderr() -> None:
    """Log from here on. What is logged is written in this package: no value, no secret."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
