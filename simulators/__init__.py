"""Simulated charge points, one package per protocol.

They share no code with the integration: both sides are written from the protocol, so that each can
catch the mistakes of the other.

Each is built bottom up, without circular dependencies. FIMP: the bus of an adapter, a charge point
and its reports, its commands, the adapter. EVerest: the framework, the API modules, the parts of an
EVSE, the EVSE, its companion modules, the station. Blue Current: the frames, the control words for
the account, a charge point, the requests, the server.
"""
