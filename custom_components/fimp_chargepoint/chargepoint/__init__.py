"""EV charge points behind one vocabulary. Knows nothing of Home Assistant."""
