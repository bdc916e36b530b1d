"""The features of a charge point: what it may report, and what may be set."""

from enum import StrEnum


class Feature(StrEnum):
    """What a charge point may be able to report or accept.

    A measured feature has the name of its field in `Meter`; one about the state of the device has
    the name of its field in `Health`, and a detail the name of its field in `Details`.
    """

    STATUS = "status"
    CHARGING = "charging"
    CABLE_LOCK = "cable_lock"
    CHARGING_MODE = "charging_mode"
    MAX_CURRENT = "max_current"
    MAX_POWER = "max_power"
    SESSION_CURRENT = "session_current"
    PHASES = "phases"
    PHASE_MODE = "phase_mode"
    ENABLED = "enabled"
    EFFECTIVE_CURRENT = "effective_current"
    LIMITED_BY = "limited_by"
    POWER_LIMIT = "power_limit"
    RESTART = "restart"
    STOP_TRANSACTION = "stop_transaction"
    UNLOCK_CONNECTOR = "unlock_connector"
    EVSE_ID = "evse_id"
    STATION_FAULTS = "station_faults"
    RANDOM_DELAY = "random_delay"
    RANDOM_DELAY_DURATION = "random_delay_duration"
    SKIP_RANDOM_DELAY = "skip_random_delay"
    DELAYED_UNTIL = "delayed_until"
    END_REASON = "end_reason"
    VEHICLE = "vehicle"
    VEHICLE_VOLTAGE = "vehicle_voltage"
    VEHICLE_CURRENT = "vehicle_current"
    TARGET_VOLTAGE = "target_voltage"
    TARGET_CURRENT = "target_current"
    VEHICLE_VOLTAGE_MAX = "vehicle_voltage_max"
    VEHICLE_CURRENT_MAX = "vehicle_current_max"
    VEHICLE_CURRENT_MIN = "vehicle_current_min"
    VEHICLE_POWER_MAX = "vehicle_power_max"
    BATTERY_CAPACITY = "battery_capacity"
    DEPARTURE = "departure"
    BULK_CHARGE_COMPLETE_AT = "bulk_charge_complete_at"
    STATION_COST = "station_cost"

    POWER = "power"
    POWER_L1 = "power_l1"
    POWER_L2 = "power_l2"
    POWER_L3 = "power_l3"
    POWER_EXPORT = "power_export"
    POWER_FACTOR = "power_factor"
    ENERGY = "energy"
    ENERGY_EXPORT = "energy_export"
    SESSION_ENERGY = "session_energy"
    OFFERED_CURRENT = "offered_current"
    CABLE_CURRENT = "cable_current"
    CURRENT = "current"
    CURRENT_L1 = "current_l1"
    CURRENT_L2 = "current_l2"
    CURRENT_L3 = "current_l3"
    VOLTAGE = "voltage"
    VOLTAGE_L1 = "voltage_l1"
    VOLTAGE_L2 = "voltage_l2"
    VOLTAGE_L3 = "voltage_l3"
    FREQUENCY = "frequency"
    TEMPERATURE = "temperature"

    DC_MODE = "dc_mode"
    DC_VOLTAGE = "dc_voltage"
    DC_CURRENT = "dc_current"
    DC_VOLTAGE_MAX = "dc_voltage_max"
    DC_CURRENT_MAX = "dc_current_max"
    DC_POWER_MAX = "dc_power_max"
    ISOLATION_RESISTANCE = "isolation_resistance"

    SIGNAL_STRENGTH = "signal_strength"
    LINK_QUALITY = "link_quality"
    UPTIME = "uptime"
    RESTARTS = "restarts"
    RESTART_REASON = "restart_reason"

    CONNECTED = "connected"
    CSMS = "csms"
    CSMS_CURRENT = "csms_current"
    CSMS_POWER = "csms_power"
    REGISTRATION = "registration"

    PROTOCOL = "protocol"
    TRANSFER_MODES = "transfer_modes"
    PHASES_AVAILABLE = "phases_available"
    VEHICLE_MANUFACTURER = "vehicle_manufacturer"
    DATA_LINK = "data_link"
    WAITING_FOR_RELEASE = "waiting_for_release"
    COMMUNICATION_FAILURE = "communication_failure"
    METER_PUBLIC_KEY = "meter_public_key"
    BOARD_TEMPERATURE = "board_temperature"
    OFFLINE_SINCE = "offline_since"

    RESET = "reset"
    HIGHEST_CURRENT = "highest_current"
    INSTALLED_CURRENT = "installed_current"
    RESERVED_CURRENT = "reserved_current"
    #: It has no meter reading, so its energy is computed from its sessions.
    COMPUTED_ENERGY = "computed_energy"


#: How many phases a phase mode uses. Between two lines of an IT or TT grid it is one.
PHASES = {
    "nl1": "1",
    "nl2": "1",
    "nl3": "1",
    "l1l2": "1",
    "l2l3": "1",
    "l3l1": "1",
    "nl1l2": "2",
    "nl2l3": "2",
    "nl1l2l3": "3",
    "l1l2l3": "3",
}
