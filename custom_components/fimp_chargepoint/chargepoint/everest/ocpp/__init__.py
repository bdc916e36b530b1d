"""OCPP of an EVerest station: through `ocpp_consumer`, and on the bus between its modules."""
