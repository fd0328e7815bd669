"""What Envoy does to a request before it looks for a route, and what routes then see of it."""
