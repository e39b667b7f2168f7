"""Better Auth: its URLs, its claims, its cookies."""
