"""Better Auth: its URLs, its token claims, and its session cookies."""
