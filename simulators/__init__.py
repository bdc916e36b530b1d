"""Simulated charge points, one package per protocol.

They share no code with the integration: both sides are written from the protocol,
so that each can catch the mistakes of the other.

Each is built from below, and no file needs one that needs it. FIMP: the bus of an adapter,
a charge point and what it reports, its commands, the adapter. EVerest: the framework, the
API modules, the parts of an EVSE, the EVSE, what is beside it, the station. Blue Current: the
frames, the words that concern the account, a charge point, the requests, the server.
"""
