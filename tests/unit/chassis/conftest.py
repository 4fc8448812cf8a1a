"""What the chassis's tests may ask for."""

from tests.fakes import span_exporter, spans

__all__ = ["span_exporter", "spans"]
