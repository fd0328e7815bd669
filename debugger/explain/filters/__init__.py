"""What each HTTP filter does with a request, as far as its configuration tells."""
