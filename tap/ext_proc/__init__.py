"""What Envoy's ext_proc filter tells of requests while they happen. No I/O."""
