"""EVerest API v1 over MQTT: the charge points behind `evse_manager_consumer` modules."""
