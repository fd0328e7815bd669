"""Load generators of others that may be installed: what to tell them, and what they say."""
