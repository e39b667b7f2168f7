"""The command line: serve, dev, migrate, token, explain, doctor, config, revision.

The package `commands` has the names, options and help texts. The other modules do the work.
"""
