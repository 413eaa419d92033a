"""The daemon's log: one JSON object per line on standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def warnings_to_stderr() -> None:
    """Log only warnings and errors from now on, for interactive commands."""
    log_to_stderr()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def log_to_stderr() -> None:
    """Start logging. This package writes all log messages, without values or secrets."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # httpx logs URLs
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
