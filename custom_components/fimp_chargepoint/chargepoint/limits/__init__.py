"""Limits: who set which, whether they hold, and what returns."""
