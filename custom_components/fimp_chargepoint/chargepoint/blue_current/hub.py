"""A hub for one Blue Current account: the same hub, with another connection."""

from collections.abc import Iterable
from datetime import datetime

from ..hub import Hub
from ..options import Options
from ..scheduler import Clock
from ..transport.connection import MqttSettings
from ..transport.websocket import Backoff, Session, WebsocketTransport
from .account import URL, Account
from .discovery import BlueCurrentProtocol


class BlueCurrentHub(Hub):
    """Everything of one account."""

    def __init__(
        self,
        session: Session,
        api_token: str,
        *,
        url: str = URL,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        options: Options | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """Prepare; `start` connects. Needs a running event loop.

        The `session` stays open. Charge points with the `known` addresses are never held back.
        """
        super().__init__(_no_settings, clock=clock, options=options, known=known)
        self.account = Account(api_token, url=url, now=self._calendar)
        self.transport = WebsocketTransport(  # type: ignore[assignment]
            session, self.account, self, backoff=backoff, now=self._calendar
        )
        self.protocol = BlueCurrentProtocol(self)
        self.add_protocol("", self.protocol)

    def _calendar(self) -> datetime:
        return self.clock.to_datetime(self.clock.now())


async def _no_settings() -> MqttSettings:
    raise NotImplementedError
