"""The limits of an EVSE through EVerest API v1: what holds, what is ours, what is asked for."""

from abc import ABC
from collections.abc import Mapping
from typing import Any, Final, override

from ...commands.command import ExpectedState, Request
from ...model import ChargepointSnapshot, Feature
from ...node import NodeHost
from .. import limits, random_delay
from ..envelope import mapping
from ..limits import Limits
from ..module import Module
from .companions import CompanionModules
from .module_client import ApiChargepoint

#: Seconds after a start in which nobody has been given any energy yet.
_STARTING_TIME: Final = 5.0


class LimitedChargepoint(ApiChargepoint, ABC):
    """A charge point whose limits are asked for through a module beside it."""

    def __init__(self, address: str, module: Module, host: NodeHost) -> None:
        """Start without any module beside it."""
        super().__init__(address, module, host)
        #: The modules beside it that belong to it.
        self._companions = CompanionModules()
        self._countdown = random_delay.RandomisedDelay()

    @property
    @override
    def _takes_limits(self) -> bool:
        return self._companions.limits is not None

    def _enforced_limits(self, value: Any, now: float) -> dict[str, Any]:
        enforced = limits.enforced(mapping(value))
        if enforced.is_nothing and now - self._alive_since < _STARTING_TIME:
            # Right after its start EVerest says this, and means nothing.
            enforced = enforced.with_(current=None, phases=enforced.limits.phases)
        said = (Feature.MAX_CURRENT, Feature.EFFECTIVE_CURRENT, Feature.LIMITED_BY)
        changes = self._countdown.limited(self.snapshot) | self._limited(enforced)
        return changes | {"capabilities": self._also(*said)}

    def _limits_request(self, wanted: Mapping[str, Any]) -> Request:
        """Return the message for all limits that were set from here, and those `wanted` now.

        It replaces all of ours. What the station says is ours is not enough: it says nothing
        of what somebody else hides by a stricter limit.
        """
        requested = self._enforced.ours
        for feature, value in {**self.snapshot.kept, **wanted}.items():
            requested = requested.with_(feature, value)
        return self._request_limits(requested)

    def _request_limits(self, requested: Limits) -> Request:
        assert self._companions.limits is not None  # noqa: S101
        return self._companions.limits.request(requested)

    @override
    def _say_limits(self) -> None:
        if self._takes_limits:
            request = self._limits_request({})
            self.host.send(request.topic, request.payload)

    @override
    async def withdraw_limits(self) -> None:
        self._require(Feature.MAX_CURRENT)
        request = self._request_limits(Limits())
        await self.host.publish(request.topic, request.payload)

    @override
    def _is_own(self, feature: Feature, value: Any) -> bool:
        # What somebody else limits to may be more any time; three phases are no limit.
        no_limit = feature is Feature.PHASES and value == "3"
        said = self._enforced.ours
        ours = no_limit or said.with_(feature, value) == said
        return ours and super()._is_own(feature, value)

    @override
    def _set_effect(self, feature: Feature, value: Any) -> ExpectedState:
        if feature is Feature.MAX_CURRENT:
            return ExpectedState(feature, value, lambda snapshot: _limits_to(snapshot, value))
        return super()._set_effect(feature, value)


def _limits_to(snapshot: ChargepointSnapshot, current: float) -> bool:
    """Whether a limit shows: it holds, or somebody else limits to less than it."""
    holding, source = snapshot.effective_current, snapshot.limited_by or ""
    if holding is None:
        return False
    return holding == current or (holding < current and limits.SOURCE not in source)
