"""What a FIMP charge point can be told, and how it says no."""

from typing import TYPE_CHECKING

from .charging import CHARGING
from .command import (
    Command,
    DeviceRefusedError,
    IgnoredError,
    RefusedError,
    WrongFormatError,
    checked,
)
from .message import Request
from .metering import METERING
from .parameters import PARAMETERS
from .upkeep import ALARMS, DIAGNOSTICS, SYSTEM

if TYPE_CHECKING:
    from .chargepoint import FimpChargepoint

COMMANDS: dict[str, dict[str, Command]] = {
    "chargepoint": CHARGING,
    "meter_elec": METERING,
    "parameters": PARAMETERS,
    "dev_sys": SYSTEM,
    "diagnostic": DIAGNOSTICS,
    "alarm_system": ALARMS,
}


def obey(point: FimpChargepoint, request: Request) -> None:
    """Carry a command out, or say why not."""
    command = COMMANDS[request.service].get(request.type)
    if command is None:
        return
    beginning = f"{command.failing}: {request.service}: "
    try:
        command.act(point, checked(point, command, request))
        if command.reported and not point.live:
            # The cloud has taken it; what came of it the adapter cannot say.
            name = command.reported
            beginning = f"failed to send chargepoint {name} report: {request.service}: "
            raise RefusedError(f"failed to retrieve {name} report: {point.offline_words}")
    except IgnoredError:
        return
    except WrongFormatError as refusal:
        reason = str(refusal)
    except DeviceRefusedError as refusal:
        device = command.device.format(val=str(request.val).lower())
        reason = f"{beginning}{device}: {refusal}" if device else f"{beginning}{refusal}"
    except RefusedError as refusal:
        reason = f"{beginning}{refusal}"
    else:
        return
    point.adapter.reply_error(request, reason)
