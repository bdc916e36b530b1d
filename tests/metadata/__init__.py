"""Tests of the project that do not run it.

Among it an offline substitute for hassfest, Home Assistant's own check of an integration,
which itself runs only on GitHub.
"""
