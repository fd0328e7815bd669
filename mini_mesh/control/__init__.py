"""The mesh's control plane: what its nodes are served, what they made of it, and the way back."""
