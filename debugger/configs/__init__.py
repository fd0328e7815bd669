"""What a node was sent, what it took, and what it goes by: compared field by field."""
