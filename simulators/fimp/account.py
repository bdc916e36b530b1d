"""The account of an adapter in the cloud of its maker, and what it says of both."""

_RUNNING = {
    "app": "RUNNING",
    "connection": "CONNECTED",
    "config": "CONFIGURED",
    "auth": "AUTHENTICATED",
}
_LOST = _RUNNING | {"connection": "DISCONNECTED", "auth": "LOST"}
_LOGGED_OUT = {
    "app": "NOT_CONFIGURED",
    "connection": "DISCONNECTED",
    "config": "NOT_CONFIGURED",
    "auth": "NOT_AUTHENTICATED",
}
_NO_ERROR = {"last_error_text": "", "last_error_code": ""}


class Account:
    """Whether the adapter is logged in, in the words of its state reports."""

    def __init__(self) -> None:
        """Begin logged in and connected."""
        self.valid = True
        self.connected = True

    @property
    def live(self) -> bool:
        """Whether the adapter learns anything of its charge points."""
        return self.valid and self.connected

    @property
    def states(self) -> dict[str, str]:
        """The four states of the adapter, as it gives them when asked."""
        states = _RUNNING if self.valid else _LOGGED_OUT
        if not self.connected:
            states = states | {"connection": "DISCONNECTED"}
        return states | _NO_ERROR

    @property
    def alarm(self) -> dict[str, str]:
        """What is said unasked in the moment in which the login is lost."""
        return _LOST | _NO_ERROR

    @property
    def status(self) -> dict[str, str]:
        """The outcome of a login or logout."""
        return {"status": self.states["auth"], "error_text": "", "error_code": ""}
