"""OCPP in API v1: the module ``ocpp_consumer``."""

import itertools
import json
from typing import Any, override
import uuid

from . import messages, ocpp
from .companions import Companion
from .evse import Evse
from .framework import Station
from .requests import MalformedError, fields, integer, one_of
from .vocabulary import Source

_TRANSACTION_EVENTS = {
    "TransactionStarted": "Started",
    "ChargingStarted": "Updated",
    "TransactionFinished": "Ended",
}
_OPERATIONAL = {"Operative": "Enable", "Inoperative": "Disable"}
_CSMS_PRIORITY = 5000
_ATTRIBUTES = ("Actual", "Target", "MinSet", "MaxSet")
_TRANSFER_ANSWERS = ("Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId", "Offline")
_SET_STATUS = {"NotSupported": "UnknownVariable"}
_NAME_LENGTH = 50
_VALUE_LENGTH = 1000


class OcppConsumer(Companion, ocpp.Publisher):
    """Reports on OCPP, reads and writes its keys."""

    KIND = "ocpp_consumer"
    VARIABLES = (
        "boot_notification_response",
        "charging_schedules",
        "connection_status",
        "event_data",
        "is_connected",
        "ocpp_message",
        "ocpp_transaction_event",
        "security_event",
    )

    def __init__(self, station: Station, module_id: str, client: ocpp.Ocpp) -> None:
        """Build the module, which reports on OCPP."""
        super().__init__(station, module_id)
        self._ocpp = client
        client.publishers.append(self)
        self.monitored: set[str] = set()
        self.answers: list[Any] = []
        """What came back for the data of the back end."""
        self._numbers = itertools.count(1)
        self._scheduled: dict[int, str] = {}
        dialect = station.dialect
        self.requests |= {
            "get_variables": self._get_variables,
            "set_variables": self._set_variables,
            "data_transfer_outgoing": self._transfer_out,
        }
        if dialect.costs:
            self.orders["monitor_variables"] = self._monitor
        if dialect.operates:
            self.requests["change_availability"] = self._change_availability
            self.orders["security_event"] = self._security_event

    @override
    def introduce(self) -> None:
        """Start without any monitored variable."""
        self.monitored.clear()
        self._scheduled.clear()

    # Reports --------------------------------------------------------------------------

    @override
    def connection(self) -> None:
        """Report whether the connection is up, and the response of the back end."""
        connected = self._ocpp.connected
        self.publish("is_connected", connected)
        if self.station.dialect.operates:
            status: dict[str, Any] = {"connected": connected}
            if connected:
                status |= {
                    "csms_url": ocpp.URL,
                    "identity": ocpp.IDENTITY,
                    "ocpp_version": ocpp.VERSION,
                }
            self.publish("connection_status", status)
        if connected:
            self._message("BootNotification", {"chargePointVendor": "Simulated"})
            greeting = {"current_time": messages.now(), "interval": 300, "status": "Accepted"}
            self.publish("boot_notification_response", greeting)

    @override
    def key_changed(self, name: str) -> None:
        """Report that the back end has changed a key, if it is monitored."""
        if name in self.monitored:
            event = {
                "actual_value": self._ocpp.keys[name].value,
                "component_variable": {"component": {"name": ""}, "variable": {"name": name}},
                "event_id": next(self._numbers),
                "event_notification_type": "CustomMonitor",
                "timestamp": messages.now(),
                "trigger": "Alerting",
            }
            self.publish("event_data", event)

    @override
    def secured(self, event: dict[str, Any]) -> None:
        """Report a security event of the station."""
        self.publish("security_event", event)
        self._message("SecurityEventNotification", {"type": event["type"]})

    @override
    def scheduled(self, schedules: dict[str, Any]) -> None:
        """Report what the back end lets the station draw."""
        if self.station.dialect.costs:
            self.publish("charging_schedules", schedules)

    @override
    def transferred(self, data: dict[str, Any]) -> None:
        """Ask for the response to data from the back end."""
        name = f"data_transfer_incoming/{uuid.uuid4()}"
        reply_to = f"everest_api/1/{self.KIND}/{self.module_id}/m2e/{name}"
        self.orders[name] = self._take_answer
        request = {"headers": {"replyTo": reply_to}, "payload": data}
        self.station.send(f"{self.topic}/e2m/data_transfer_incoming", messages.encode(request))

    def _take_answer(self, body: Any) -> None:
        answer = fields(body, status=str)
        one_of(answer["status"], _TRANSFER_ANSWERS)
        self.answers.append(answer)

    @override
    def handle_event(self, evse: Evse, event: str) -> None:
        """Report transactions, and do what had to wait for the end of one."""
        session = evse.voice.session
        if session and event in _TRANSACTION_EVENTS:
            transaction = {
                "evse": {"connector_id": 1, "id": evse.number},
                "session_id": session.uuid,
                "transaction_event": _TRANSACTION_EVENTS[event],
                "transaction_id": session.uuid,
            }
            self.publish("ocpp_transaction_event", transaction)
        if event == "TransactionFinished" and evse.number in self._scheduled:
            state = self._scheduled.pop(evse.number)
            evse.course.enable(Source("CSMS", state, _CSMS_PRIORITY), 0)

    def _message(self, action: str, payload: dict[str, Any]) -> None:
        """Report a message of OCPP itself, as on main."""
        if self.station.dialect.operates:
            text = json.dumps([2, str(uuid.uuid4()), action, payload])
            value = {"direction": "ChargingStationToCSMS", "message": text}
            self.publish("ocpp_message", value)

    # Requests -------------------------------------------------------------------------

    def _get_variables(self, body: Any) -> dict[str, Any]:
        items = fields(body, items=list)["items"]
        return {"items": [self._get_variable(item) for item in items]}

    def _get_variable(self, item: Any) -> dict[str, Any]:
        component_variable, status = self._find(item)
        found = {"component_variable": component_variable, "status": status}
        if status == "Accepted":
            key = self._ocpp.keys[component_variable["variable"]["name"]]
            found |= {"attribute_type": "Actual", "value": key.value}
        return found

    def _set_variables(self, body: Any) -> dict[str, Any]:
        requested = fields(body, source=str, variables=dict)
        items = fields(requested["variables"], items=list)["items"]
        return {"items": [self._set_variable(fields(item, value=str)) for item in items]}

    def _set_variable(self, item: dict[str, Any]) -> dict[str, Any]:
        if len(item["value"]) > _VALUE_LENGTH:
            raise MalformedError("the value is too long")
        component_variable, status = self._find(item)
        if status == "Accepted":
            name = component_variable["variable"]["name"]
            written = self._ocpp.write(name, item["value"])
            status = _SET_STATUS.get(written, written)
        return {
            "attribute_type": "Actual",
            "component_variable": component_variable,
            "status": status,
        }

    def _find(self, item: Any) -> tuple[dict[str, Any], str]:
        """Find a key; in OCPP 1.6 it is a variable of a component without a name."""
        requested = fields(item, component_variable=dict)
        found = component_variable(requested["component_variable"])
        kind = one_of(requested.get("attribute_type", "Actual"), _ATTRIBUTES)
        if found["component"]["name"]:
            return found, "UnknownComponent"
        if found["variable"]["name"] not in self._ocpp.keys:
            return found, "UnknownVariable"
        return found, "Accepted" if kind == "Actual" else "NotSupportedAttributeType"

    def _monitor(self, body: Any) -> None:
        items = fields(body, items=list)["items"]
        names = {component_variable(item)["variable"]["name"] for item in items}
        self.monitored |= names

    def _change_availability(self, body: Any) -> dict[str, Any]:
        requested = fields(body, operational_status=str)
        state = _OPERATIONAL[one_of(requested["operational_status"], tuple(_OPERATIONAL))]
        evses = [*self.station.points.values()]
        if "evse" in requested:
            number = integer(fields(requested["evse"], id=int)["id"])
            evses = [evse for evse in evses if evse.number == number]
        if not evses:
            return {"status": "Rejected"}
        status = "Accepted"
        for evse in evses:
            if state == "Disable" and evse.course.charging_allowed:
                self._scheduled[evse.number] = state
                status = "Scheduled"
            else:
                self._scheduled.pop(evse.number, None)
                evse.course.enable(Source("CSMS", state, _CSMS_PRIORITY), 0)
        return {"status": status}

    def _transfer_out(self, body: Any) -> dict[str, Any]:
        fields(body, vendor_id=str)
        return {"status": "Accepted" if self._ocpp.connected else "Offline"}

    def _security_event(self, body: Any) -> None:
        event = fields(body, type=str)
        info = event.get("info", "")
        if not isinstance(info, str):
            raise MalformedError("info is no text")
        self._ocpp.security_events.append((event["type"], info))


def component_variable(value: Any) -> dict[str, Any]:
    """Read a component and a variable."""
    found = fields(value, component=dict, variable=dict)
    for part in ("component", "variable"):
        if len(fields(found[part], name=str)["name"]) > _NAME_LENGTH:
            raise MalformedError("the name is too long")
    return found
