"""The larger words of a claim: one module for each family of bounds or of ways to send."""
