"""The tables of entity descriptions, by subject."""
