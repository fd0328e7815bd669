"""An Envoy's admin interface: what is asked there, and the one thing that is changed."""
