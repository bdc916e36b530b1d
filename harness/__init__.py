"""Home Assistant to try things on: without a person, without a house, on this machine only."""
