"""The Todo API: routes, representations, list parameters, cursors, ETags and idempotency keys."""
