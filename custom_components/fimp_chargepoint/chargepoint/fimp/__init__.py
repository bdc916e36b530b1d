"""FIMP, the protocol of Futurehome hubs and their adapters: chargepoint and meter_elec."""
