"""Commands: what they send, what confirms them, and when they may be sent."""
