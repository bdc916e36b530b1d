"""Parameters as FIMP describes and reports them."""

from typing import Any

from .fimp_messages import report

TOPIC = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:parameters/ad:1"
YES_NO = [{"label": "Yes", "value": True}, {"label": "No", "value": False}]
WORDS = [{"label": "Dark", "value": "off"}, {"label": "Bright", "value": "on"}]
NUMBERS = [{"label": "Short", "value": 5}, {"label": "Long", "value": 60}]


def described(parameter_id: str, value_type: Any, widget: Any, **fields: Any) -> dict[str, Any]:
    return {
        "parameter_id": parameter_id,
        "name": parameter_id.replace("_", " ").capitalize(),
        "description": "",
        "value_type": value_type,
        "widget_type": widget,
        "read_only": False,
        **fields,
    }


LOCKED = described("cable_always_locked", "bool", "select", options=YES_NO)
BRIGHTNESS = described("led_brightness", "int", "input", min=0, max=100)
COLOUR = described("led_colour", "string", "select", options=WORDS)
PAUSE = described("pause", "int", "select", options=NUMBERS)
VERSION = described("version", "string", "input", read_only=True)
STEPPED = described("factor", "float", "input", min=0, max=2)
ALL = [LOCKED, BRIGHTNESS, COLOUR, PAUSE, VERSION, STEPPED]


def descriptions(*each: Any) -> dict[str, Any]:
    return report("evt.sup_params.report", "object", list(each))


def parameter_report(parameter_id: str, value_type: Any, value: Any) -> dict[str, Any]:
    content = {"parameter_id": parameter_id, "value_type": value_type, "value": value}
    return report("evt.param.report", "object", content)
