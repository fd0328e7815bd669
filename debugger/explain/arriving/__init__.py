"""Where a request comes in: what is known of it, and the listener and filter chain that take it."""
