"""An Envoy's stats at two moments, and what changed between them."""
