"""The interfaces of FIMP services, in the order in which real adapters list them."""

type Interface = tuple[str, str, str]
"""Direction, message type, value type."""

_ERROR: Interface = ("out", "evt.error.report", "string")

FEATURES: dict[str, tuple[Interface, ...]] = {
    "basics": (
        ("in", "cmd.charge.start", "null"),
        ("in", "cmd.charge.stop", "null"),
        ("in", "cmd.state.get_report", "null"),
        ("out", "evt.state.report", "string"),
        ("in", "cmd.current_session.get_report", "null"),
        ("out", "evt.current_session.report", "float"),
        _ERROR,
    ),
    "max_current": (
        ("in", "cmd.max_current.set", "int"),
        ("in", "cmd.max_current.get_report", "null"),
        ("out", "evt.max_current.report", "int"),
    ),
    "offered_current": (("in", "cmd.current_session.set_current", "int"),),
    "phase_mode.set": (("in", "cmd.phase_mode.set", "string"),),
    "phase_mode": (
        ("in", "cmd.phase_mode.get_report", "null"),
        ("out", "evt.phase_mode.report", "string"),
    ),
    "cable_lock.set": (("in", "cmd.cable_lock.set", "bool"),),
    "cable_lock": (
        ("in", "cmd.cable_lock.get_report", "null"),
        ("out", "evt.cable_lock.report", "bool"),
    ),
}
"""What a charge point can be able to do."""

SERVICES: dict[str, tuple[Interface, ...]] = {
    "meter_elec": (
        ("in", "cmd.meter.get_report", "string"),
        ("out", "evt.meter.report", "float"),
        _ERROR,
        ("in", "cmd.meter_export.get_report", "string"),
        ("out", "evt.meter_export.report", "float"),
        ("in", "cmd.meter_ext.get_report", "str_array"),
        ("out", "evt.meter_ext.report", "float_map"),
    ),
    "parameters": (
        ("in", "cmd.sup_params.get_report", "null"),
        ("out", "evt.sup_params.report", "object"),
        ("in", "cmd.param.set", "object"),
        ("in", "cmd.param.get_report", "string"),
        ("out", "evt.param.report", "object"),
        _ERROR,
    ),
    "dev_sys": (
        _ERROR,
        ("out", "evt.success.report", "null"),
        ("in", "cmd.thing.reboot", "bool"),
    ),
    "diagnostic": (
        _ERROR,
        ("in", "cmd.lqi.get_report", "null"),
        ("out", "evt.lqi.report", "int"),
        ("in", "cmd.rssi.get_report", "null"),
        ("out", "evt.rssi.report", "int"),
        ("in", "cmd.reboot_reason.get_report", "null"),
        ("out", "evt.reboot_reason.report", "string"),
        ("in", "cmd.reboots_count.get_report", "null"),
        ("out", "evt.reboots_count.report", "int"),
        ("in", "cmd.uptime.get_report", "null"),
        ("out", "evt.uptime.report", "int"),
        ("in", "cmd.errors.get_report", "null"),
        ("out", "evt.errors.report", "str_array"),
    ),
    "alarm_system": (
        ("in", "cmd.alarm.get_report", "str_map"),
        ("out", "evt.alarm.report", "str_map"),
    ),
}
"""The services beside the charge point itself."""

DEFA_CHARGEPOINT: tuple[Interface, ...] = (
    ("in", "cmd.state.get_report", "null"),
    ("out", "evt.state.report", "string"),
    ("in", "cmd.current_session.get_report", "null"),
    ("out", "evt.current_session.report", "float"),
    ("in", "cmd.charge.start", "null"),
    ("out", "cmd.charge.stop", "bool"),
)
"""What DEFA's adapter lists; the direction and type of the stop are wrong."""

EASEE_2021_CHARGEPOINT: tuple[Interface, ...] = (
    ("in", "cmd.mode.set", "string"),
    ("in", "cmd.mode.get_report", "null"),
    ("out", "evt.mode.report", "string"),
    ("in", "cmd.state.get_report", "null"),
    ("out", "evt.state.report", "string"),
    ("in", "cmd.smart_charge.set", "bool"),
    ("in", "cmd.smart_charge.get_report", "null"),
    ("out", "evt.smart_charge.report", "bool"),
    ("in", "cmd.cable_lock.set", "bool"),
    ("in", "cmd.cable_lock.get_report", "null"),
    ("out", "evt.cable_lock.report", "string"),
    _ERROR,
    ("out", "cmd.charge.start", "null"),
    ("out", "cmd.charge.stop", "null"),
    ("in", "cmd.current_session.get_report", "null"),
    ("out", "evt.current_session.report", "float"),
)
"""What Easee's adapter listed in 2021: more than it could, and partly the wrong way."""

BARE_METER: tuple[Interface, ...] = (
    ("in", "cmd.meter.get_report", "null"),
    ("out", "evt.meter.report", "float"),
)
"""What both of them list for the meter."""
