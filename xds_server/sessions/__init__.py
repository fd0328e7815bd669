"""One client's stream without I/O: requests and snapshots in, responses and events out."""
