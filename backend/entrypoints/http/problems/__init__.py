"""Errors as problem details (RFC 9457): the only place that knows the status code of an error."""
