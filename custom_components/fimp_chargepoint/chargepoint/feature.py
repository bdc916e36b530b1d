"""The features of a charge point: what it may report, and what it may be told."""

from enum import StrEnum


class Feature(StrEnum):
    """What a charge point may be able to report, and what it may be able to be told.

    A feature that is measured has the name of its field in `Meter`, one that is about
    the health of the device that of its field in `Health`, a detail that in `Details`.
    """

    STATUS = "status"
    CHARGING = "charging"
    CABLE_LOCK = "cable_lock"
    CHARGING_MODE = "charging_mode"
    MAX_CURRENT = "max_current"
    SESSION_CURRENT = "session_current"
    PHASES = "phases"
    PHASE_MODE = "phase_mode"
    ENABLED = "enabled"
    LIMITED_BY = "limited_by"
    RESTART = "restart"
    STOP_TRANSACTION = "stop_transaction"
    FORCE_UNLOCK = "force_unlock"
    EVSE_ID = "evse_id"
    RANDOM_DELAY = "random_delay"
    RANDOM_DELAY_DURATION = "random_delay_duration"
    SKIP_RANDOM_DELAY = "skip_random_delay"
    DELAYED_UNTIL = "delayed_until"
    VEHICLE = "vehicle"
    CHARGED_COST = "charged_cost"

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

    SIGNAL_STRENGTH = "signal_strength"
    LINK_QUALITY = "link_quality"
    UPTIME = "uptime"
    RESTARTS = "restarts"
    RESTART_REASON = "restart_reason"

    PROTOCOL = "protocol"
    TRANSFER_MODES = "transfer_modes"
    PHASES_AVAILABLE = "phases_available"
    VEHICLE_MANUFACTURER = "vehicle_manufacturer"
    DATA_LINK = "data_link"
    COMMUNICATION_FAILURE = "communication_failure"
    METER_PUBLIC_KEY = "meter_public_key"
