"""Invalid messages that must be ignored."""

NONSENSE: tuple[bytes, ...] = (
    b"",
    b"nonsense",
    b"\xff\xfe\x00",
    b"null",
    b"[1, 2, 3]",
    b'{"type": 5, "serv": null}',
    b'{"type": "evt.state.report", "serv": "chargepoint", "val_t": "string"}',
    b'{"type": "evt.state.report", "val_t": "object", "val": {"a": [1]}, "props": 7}',
    b'{"type": "evt.current_session.report", "val": NaN, "props": {"started_at": "noon"}}',
    b'{"type": "evt.meter_ext.report", "val_t": "float_map", "val": ["i1"]}',
    b'{"type": "evt.meter_ext.report", "val_t": "float_map", "val": {"p1": "much", "i1": {}}}',
    b'{"type": "evt.meter_export.report", "val_t": "float", "val": 5, "props": null}',
    b'{"type": "evt.meter_export.report", "val": "5", "props": {"unit": ["W"]}}',
    b'{"type": "evt.sup_params.report", "val_t": "object", "val": {"parameter_id": "a"}}',
    b'{"type": "evt.sup_params.report", "val": [7, null, {}, {"parameter_id": {"a": 1}}]}',
    (
        b'{"type": "evt.sup_params.report", "val": [{"parameter_id": "a", "value_type": "int",'
        b' "widget_type": "select", "options": [1, {"label": 2}], "min": "low"}]}'
    ),
    b'{"type": "evt.param.report", "val_t": "object", "val": {"parameter_id": [1]}}',
    b'{"type": "evt.lqi.report", "val_t": "int", "val": "good"}',
    b'{"type": "evt.rssi.report", "val_t": "int", "val": {"dbm": -60}}',
    b'{"type": "evt.uptime.report", "val_t": "int", "val": -1e400}',
    b'{"type": "evt.reboot_reason.report", "val_t": "string", "val": ["power"]}',
    b'{"type": "evt.reboots_count.report", "val_t": "int", "val": true}',
    b'{"type": "evt.errors.report", "val_t": "str_array", "val": "none"}',
    b'{"type": "evt.errors.report", "val_t": "str_array", "val": [null, 3]}',
    b'{"type": "evt.alarm.report", "val_t": "str_map", "val": "OVER_TEMP_FAULT"}',
    b'{"type": "evt.alarm.report", "val_t": "str_map", "val": {"event": 1, "status": null}}',
    b'{"type": "evt.alarm.report", "val": {"event": "ALIENS", "status": "perhaps"}}',
    b'{"type": "evt.error.report", "val_t": "string", "val": null, "props": []}',
)
"""For every topic of a charge point and of its adapter."""

HUB_NONSENSE: tuple[bytes, ...] = (
    b"nonsense",
    b'{"type": "evt.pd7.notify", "serv": "vinculum", "val": null}',
    b'{"type": "evt.pd7.notify", "val": {"cmd": 1, "component": ["device"], "id": {}}}',
    (
        b'{"type": "evt.pd7.notify", "val": {"cmd": "edit", "component": "device", "id": "A",'
        b' "param": {"id": "A", "services": [1], "client": 3, "room": "first"}}}'
    ),
    (
        b'{"type": "evt.pd7.notify", "val": {"cmd": "add", "component": "device", "id": 9999,'
        b' "param": {"id": 9999, "services": {"chargepoint": {"addr": 5, "intf": {}}}}}}'
    ),
    b'{"type": "evt.pd7.notify", "val": {"cmd": "add", "component": "room", "param": []}}',
    b'{"type": "evt.pd7.response", "serv": "vinculum", "val": {"param": {"device": 1}}}',
)
"""For the topic of a hub's vinculum."""
