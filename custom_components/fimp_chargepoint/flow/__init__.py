"""The forms of the config and options flows."""
