"""Who grades: annotators, one a file."""
