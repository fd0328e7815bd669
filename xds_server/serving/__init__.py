"""The doors: discovery over gRPC and HTTP, who may come in, and what it may cost."""
