"""Runs Home Assistant for the demo, for replays and for tests, on this machine only."""
