"""Home Assistant with the integration, a real broker and simulated charge points."""
