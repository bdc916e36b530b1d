"""The charging mode: a reported one wins, else it is what the user chose. Pure."""


class Mode:
    """What is known of the mode of charging, and what the next start shall have."""

    def __init__(self) -> None:
        """Know nothing, and choose nothing."""
        self.chosen: str | None = None
        #: The mode of the charging that goes on, as reported, else as proven by us.
        self.in_force: str | None = None
        #: What the last report of the status said of the mode.
        self.reported: str | None = None

    @property
    def shown(self) -> str | None:
        """What people are shown."""
        return self.in_force or self.reported or self.chosen

    def choose(self, mode: str) -> None:
        """The user wants the next start to be in `mode`."""
        self.chosen = mode

    def take(self, mode: str) -> None:
        """Charging goes on in `mode`, as was asked for."""
        self.chosen = mode
        self.in_force = self.reported or mode

    def report(self, mode: str | None) -> None:
        """Take over what a report said of the mode, None where it said nothing."""
        self.reported = mode
        if mode is not None:
            self.in_force = mode

    def end(self) -> None:
        """Charging does not go on."""
        self.in_force = None

    def forget(self) -> None:
        """In which mode it charges nobody knows any more."""
        self.in_force = self.reported = None
