"""For the operator: why a token is refused and what to do. Nothing that verifies imports this."""
