"""The texts of `explain` and `doctor` about tokens and issuers. Requests never import them."""
