"""The uvicorn server: its process, its protocol limits and its logging."""
