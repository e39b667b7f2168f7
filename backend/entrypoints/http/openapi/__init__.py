"""The OpenAPI document: adds authentication, problems and headers, which FastAPI cannot know."""
