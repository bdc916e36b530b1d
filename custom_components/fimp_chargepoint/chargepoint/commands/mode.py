"""The charging mode: a reported one wins, else it is what the user chose. Pure."""


class Mode:
    """The current charging mode, and the mode for the next start."""

    def __init__(self) -> None:
        """Start with no known and no chosen mode."""
        #: The mode of the next start.
        self.chosen: str | None = None
        #: The mode of the current charging, as reported, else as confirmed by us.
        self.in_force: str | None = None
        #: The mode in the last report of the status.
        self.reported: str | None = None

    @property
    def shown(self) -> str | None:
        """The mode to display."""
        return self.in_force or self.reported or self.chosen

    def take(self, mode: str) -> None:
        """Take note that charging continues in `mode`, as requested."""
        self.chosen = mode
        self.in_force = self.reported or mode

    def report(self, mode: str | None) -> None:
        """Take over the mode of a report, None if it contained none."""
        self.reported = mode
        if mode is not None:
            self.in_force = mode

    def end(self) -> None:
        """Take note that charging has ended."""
        self.in_force = None

    def forget(self) -> None:
        """Forget the mode of the current charging, which is no longer known."""
        self.in_force = self.reported = None
