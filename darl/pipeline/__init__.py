"""Experiments, run directories and the run itself."""
