"""How long, and in how much memory, detectors and strategies take over pools of up to ten million pairs."""
