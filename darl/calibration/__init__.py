"""From what a model says to what can be relied on: calibrated grades, decisions, abstention."""
