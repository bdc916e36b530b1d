"""Charge points of a Blue Current account, through its websocket API."""
