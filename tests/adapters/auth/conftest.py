"""How long properties are looked at: briefly, or with `--hypothesis-profile=fuzz` for long."""

import hypothesis

hypothesis.settings.register_profile("fuzz", max_examples=100_000, deadline=None)
