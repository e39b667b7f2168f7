"""The pages for people: the documentation, and the start page of development."""
