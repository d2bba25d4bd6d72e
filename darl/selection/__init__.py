"""Selection strategies, one a file."""
