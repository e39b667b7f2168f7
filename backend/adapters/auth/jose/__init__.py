"""JOSE, read strictly: nothing here knows an issuer."""
