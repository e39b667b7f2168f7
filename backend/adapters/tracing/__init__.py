"""Tracing: the only home of OpenTelemetry. While tracing is off, this package is not imported."""
