"""Structured logs: one canonical line per unit of work, JSON unless a person watches.

Set up once at a process's door; everybody else asks `structlog.get_logger()`. Never log a pupil, a device
serial, or a secret.
"""

import logging as standard
import sys

import structlog

from services.kit.settings import Settings


def set_up(settings: Settings) -> None:
    """Configures structlog and the standard library's logging onto standard error. Calling it again changes nothing."""
    as_json = settings.log_json if settings.log_json is not None else not sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=True) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(standard.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    standard.basicConfig(level=standard.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
