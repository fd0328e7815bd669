"""Service Mesh Performance (SMP): test configs and results as others write and read them."""
