"""From a request to its principal: credentials, guards and the startup check."""
