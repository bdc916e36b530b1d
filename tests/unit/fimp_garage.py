"""A FIMP charge point whose commands may have to wait."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import orjson

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.options import Options

from .fakes import OfflineHub
from .fimp_commands import begin, refused
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, report, state
from .fimp_parameters import ALL, TOPIC, descriptions, parameter_report
from .fimp_settings import SETTERS, lock, max_current, offered, phase_mode, thing

DWELL, INTERVAL, LIMIT = 10.0, 15.0, FimpChargepoint.command_timeout
OPTIONS = Options(measurement_interval=0.0, restart_delay=DWELL, write_interval=INTERVAL)
START, STOP = "cmd.charge.start", "cmd.charge.stop"
#: What shows that something was done: the question for it, and the answer.
ANSWERS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    START: ("cmd.state.get_report", lambda _: state("charging")),
    STOP: ("cmd.state.get_report", lambda _: state("ready_to_charge")),
    "cmd.max_current.set": ("cmd.max_current.get_report", max_current),
    "cmd.phase_mode.set": ("cmd.phase_mode.get_report", phase_mode),
    "cmd.current_session.set_current": ("cmd.current_session.get_report", offered),
    "cmd.cable_lock.set": ("cmd.cable_lock.get_report", lock),
}


class Garage:
    """A charge point that obeys at once, unless it refuses everything."""

    def __init__(self, options: Options = OPTIONS) -> None:
        self.hub = OfflineHub(options=options)
        self.hub.connection_made()
        included = thing(SETTERS, sup_charging_modes=["normal", "slow"])
        included["val"]["services"].append(
            {
                "name": "parameters",
                "address": "/rt:dev/rn:easee/ad:1/sv:parameters/ad:1",
                "interfaces": [
                    {"msg_t": "cmd.sup_params.get_report"},
                    {"msg_t": "cmd.param.set"},
                ],
            }
        )
        self.hub.feed(ADAPTER, included)
        self.hub.feed(CHARGER, state())
        self.hub.feed(TOPIC, descriptions(*ALL))
        for message in (max_current(32), phase_mode("NL1L2L3")):
            self.hub.feed(CHARGER, message)
        self.hub.feed(TOPIC, parameter_report("led_brightness", "int", 50))
        node = self.hub.nodes[ADDRESS]
        assert isinstance(node, FimpChargepoint)
        self.node = node
        self.begun = self.hub.clock.time
        self.answers_requests = True
        self.refuses_commands = False
        self.refusal = "no"
        #: Whether it reacts to commands at all; the last one without a reaction.
        self.obeys = True
        self._ignored: dict[str, Any] = {}
        #: (seconds since the begin, kind, value) of every command that changes something.
        self.received: list[tuple[float, str, Any]] = []
        self._asked = {"cmd.state.get_report": state()}
        self._taken = len(self.hub.sent)

    @property
    def now(self) -> float:
        """Seconds since the begin."""
        return round(self.hub.clock.time - self.begun, 3)

    def received_of(self, *kinds: str) -> list[tuple[float, Any]]:
        """Return when it received these commands, and their values."""
        return [(when, value) for when, kind, value in self.received if kind in kinds]

    async def until(self, seconds: float) -> None:
        """Let the time pass up to some seconds since the begin."""
        while self.now < round(seconds, 3):
            due = self.hub.scheduler.next_deadline
            self.hub.advance(min(self.begun + seconds, due or float("inf")))
            await self._turn()
        await self._turn()

    async def _turn(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        sent, self._taken = self.hub.sent[self._taken :], len(self.hub.sent)
        for _, payload in sent:
            message = orjson.loads(payload)
            kind = message.get("type", "")
            if kind in (START, STOP) or kind.endswith((".set", ".set_current")):
                sent_at = datetime.fromisoformat(message["ctime"]).timestamp()
                self.received.append((round(sent_at - self.begun, 3), kind, message["val"]))
                self._obey(message)
            elif self.answers_requests and kind in self._asked:
                self.hub.feed(CHARGER, self._asked[kind])
        for _ in range(3):
            await asyncio.sleep(0)

    def _obey(self, message: dict[str, Any]) -> None:
        kind, value = message["type"], message["val"]
        if not self.obeys:
            self._ignored = message
        elif self.refuses_commands:
            self.hub.feed(CHARGER, refused(message["uid"], self.refusal))
        elif kind == "cmd.param.set":
            if self.answers_requests:
                self.hub.feed(TOPIC, report("evt.param.report", "object", value))
        else:
            question, answer = ANSWERS[kind]
            self._asked[question] = answer(value)
            if self.answers_requests:
                self.hub.feed(CHARGER, self._asked[question])

    def refuse(self, reason: str) -> None:
        """Refuse the last command that it has not reacted to."""
        self.hub.feed(CHARGER, refused(self._ignored["uid"], reason))

    def report_state(self, word: str) -> None:
        """Let it be in another state."""
        self.report_answer("cmd.state.get_report", state(word))

    def reconnect(self, word: str = "ready_to_charge") -> None:
        """Lose the connection, get it back, and let it report its state."""
        self.hub.connection_lost(NotConnectedError("gone"))
        self.hub.connection_made()
        self.report_state(word)

    def report_answer(self, question: str, answer: dict[str, Any]) -> None:
        """Change what is requested, and report it."""
        self._asked[question] = answer
        self.hub.feed(CHARGER, answer)

    def ignore_request(self, question: str) -> None:
        """Let it not answer a question."""
        self._asked.pop(question, None)

    async def call(self, command: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a command, and let it be answered."""
        task = await begin(command)
        await self._turn()
        return task
