"""Charge points without hardware: programs that speak FIMP and EVerest.

They know nothing of the integration and the integration knows nothing of them:
both were written from the protocols, so each can catch the mistakes of the other.
"""
