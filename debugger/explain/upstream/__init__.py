"""What follows a route: the cluster and its hosts, how long Envoy waits, and how often it tries."""
