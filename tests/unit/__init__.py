"""The library and the simulators alone."""
