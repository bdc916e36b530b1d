"""Measures the speed of the integration, and the size of its code."""
