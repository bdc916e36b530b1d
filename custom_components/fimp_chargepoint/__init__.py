"""EV charge points over MQTT (FIMP, EVerest)."""
