"""The OpenAPI document: what FastAPI cannot know about authentication, problems and headers."""
