"""Out-of-distribution detectors, one a file."""
