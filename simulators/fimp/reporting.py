"""The reports of a charge point: what its adapter knows, and what it has sent."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from simulators.car import Connector
from simulators.simulator import Chargepoint

from .bus import AnyAdapter
from .message import Report
from .profile import Profile
from .reports import key

_CLOUD_SECONDS = 0.2


class SentReport(NamedTuple):
    """A report, and when it was sent."""

    report: Report
    at: datetime


class ReportingChargepoint(Chargepoint):
    """A charge point whose adapter reports changes, and anything on request."""

    def __init__(
        self, name: str, connector: Connector, adapter: AnyAdapter, profile: Profile
    ) -> None:
        """Start without any sent reports."""
        super().__init__(name, connector)
        self.adapter = adapter
        self.profile = profile
        self.address = ""
        self.included = True
        self.sent: dict[tuple[str, str], SentReport] = {}
        self._known: dict[str, tuple[Report, ...]] = {}

    @abstractmethod
    def build(self, kind: str) -> tuple[Report, ...]:
        """Build the reports of a kind from the present facts."""

    @abstractmethod
    def apply(self) -> None:
        """Offer the car the current that commands and faults permit."""

    @property
    def linked(self) -> bool:
        """Whether the adapter can reach the charge point, as far as it knows."""
        if self.adapter.habits.answers_from_cache and not self.adapter.account.live:
            return True
        return self.live

    @property
    def live(self) -> bool:
        """Whether the adapter reaches the charge point."""
        return self.reachable and self.adapter.account.live

    def send_report(self, report: Report) -> None:
        """Send a report, even if it has not changed."""
        if not (self.linked and self.included):
            return
        topic = self.adapter.service_address(report.service, self.address)
        self.adapter.send_event(topic, report)
        self.sent[key(report)] = SentReport(report, datetime.now(UTC))

    def answer(self, kind: str) -> None:
        """Send the reports of a kind with the values known to the adapter."""
        for report in self.known_reports(kind):
            self.send_report(report)

    def known_reports(self, kind: str) -> tuple[Report, ...]:
        """Return what the adapter knows; with a cloud in between, that may be old."""
        if not self.profile.cloud or kind not in self._known:
            self._look(kind)
        return self._known[kind]

    def report_changes(self, kinds: Iterable[str] = ()) -> None:
        """Send the reports that differ from the last ones."""
        if self.adapter.habits.answers_from_cache and not self.live:
            return
        self.connector.advance()
        reported = self._reported()
        for kind in kinds or reported:
            if kind not in reported:
                continue
            self._look(kind)
            for report in self._known[kind]:
                for piece in self._pieces(report):
                    sent = self.sent.get(key(piece))
                    before = sent and (sent.report.val, sent.report.props)
                    if before != (piece.val, piece.props):
                        self.send_report(piece)

    def forget(self) -> None:
        """Treat everything as changed, as after a start."""
        self.sent.clear()
        self._known.clear()

    async def later(self, *kinds: str, forced: str = "") -> None:
        """Let a cloud notify the adapter of the effects of a command."""
        await self.adapter.sleep(_CLOUD_SECONDS)
        if not self.reachable:
            return
        self.apply()
        if forced:
            self._look(forced)
            self.answer(forced)
        self.report_changes(kinds)

    def _look(self, kind: str) -> None:
        self.connector.advance()
        self._known[kind] = self.build(kind)

    def _reported(self) -> list[str]:
        """Return the kinds that are reported automatically."""
        profile = self.profile
        # With extended values there are no plain meter reports, unless the profile has them.
        plain = profile.plain_meter or not profile.values
        reported = {
            "session": True,
            "state": True,
            "max_current": profile.has("max_current"),
            "phase_mode": profile.has("phase_mode"),
            "cable_lock": profile.has("cable_lock"),
            "meter": plain and profile.units,
            "meter_export": plain and profile.export_units,
            "meter_ext": profile.values,
            "alarms": profile.alarms,
        }
        return [kind for kind, there in reported.items() if there]

    def _pieces(self, report: Report) -> list[Report]:
        """Split a map of values into single ones if the adapter receives them that way."""
        if report.type != "evt.meter_ext.report" or not self.profile.cloud:
            return [report]
        return [replace(report, val={k: v}) for k, v in report.val.items()]
