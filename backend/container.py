"""Every choice of adapter, on one screen."""
