"""How long properties are looked at: briefly by default, for long with `--hypothesis-profile=fuzz`."""

import hypothesis

hypothesis.settings.register_profile("fuzz", max_examples=100_000, deadline=None)
