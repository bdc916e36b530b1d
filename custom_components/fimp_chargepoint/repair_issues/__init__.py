"""Repair issues: what only the user can fix."""
