"""What can be known about the project without running it.

Among it an offline substitute for hassfest, Home Assistant's own check of an integration,
which itself runs only on GitHub.
"""
