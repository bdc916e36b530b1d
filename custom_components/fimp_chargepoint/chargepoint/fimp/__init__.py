"""FIMP, the protocol of Futurehome hubs and their adapters."""
