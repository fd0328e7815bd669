"""What is captured while it happens: from each Envoy's captures to everybody who watches."""
