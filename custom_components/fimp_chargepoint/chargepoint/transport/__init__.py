"""How messages travel. Only `mqtt` knows an MQTT library."""
