"""Faults of brokers, connections, charge points and hosts, and how they are survived."""
