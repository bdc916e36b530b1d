"""The internal MQTT bus of an EVerest station."""
