"""The actions of the integration and their targets."""
