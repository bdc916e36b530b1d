"""The simulated charge points: that they are as real ones, and not kinder."""
