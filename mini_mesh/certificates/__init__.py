"""The mesh's own certificate authority: what is issued, to whom, and when it is renewed."""
