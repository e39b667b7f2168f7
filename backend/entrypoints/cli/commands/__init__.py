"""The name, options and help of each command.

These modules import typer only, so that `--help` and completion answer at once. A command imports
the other modules when the command runs.
"""
