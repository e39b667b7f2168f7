"""Adds the Hypothesis profile `fuzz`: `pytest --hypothesis-profile=fuzz` runs far more examples."""

import hypothesis

hypothesis.settings.register_profile("fuzz", max_examples=100_000, deadline=None)
