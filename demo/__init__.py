"""A demonstration: Better Auth, the API and a Todo page."""
