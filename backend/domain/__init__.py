"""The users and their todos. This package imports the standard library only."""
