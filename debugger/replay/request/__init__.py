"""What goes out: which capture is meant, what of it is sent, and what stands against that."""
