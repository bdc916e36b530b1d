"""Charging sessions: their events, their cost, and the records of them."""
