"""Envoy's tap: what is asked of it, and its traces in every format that it has. No I/O."""
