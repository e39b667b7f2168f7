"""The command line: serve, dev, migrate, token, explain, doctor, config, revision."""
