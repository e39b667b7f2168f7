"""What `explain` and `doctor` print about tokens and issuers. The request path never imports it."""
