"""Structured logs: one JSON line per fact, with the trace id of the work that it belongs to."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

from .log_fields import hide_secrets, keep_known_fields


def configure_logging(service: str, level: str) -> None:
    """Send every log of this process, libraries included, to standard output as JSON."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace_id,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            keep_known_fields,
            hide_secrets,
            structlog.processors.JSONRenderer(),
        ],
    )
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(formatter)
    logging.basicConfig(handlers=[output], level=level, force=True)
    for chatty in ("httpx", "aiormq", "aio_pika", "uvicorn.access", "botocore", "pymongo"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def add_trace_id(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the trace id of the current span to a log line."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event
