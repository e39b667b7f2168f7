"""The Todo API: routes, representations, cursors, ETags and idempotency keys."""
