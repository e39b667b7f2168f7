"""Tracing: the only home of OpenTelemetry. Nothing here is imported while tracing is off."""
