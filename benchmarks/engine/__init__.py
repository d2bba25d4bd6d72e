"""How fast darl scores and trains beside the usual tools, on the same weights and the same texts."""
