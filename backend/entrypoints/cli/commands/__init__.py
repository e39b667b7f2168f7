"""What users type: the name, options and help of each command.

These modules import typer only, so that `--help` and completion answer at once. A command imports
its work when it runs.
"""
