"""The EVerest API, version 1."""
