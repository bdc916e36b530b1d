"""The server of Blue Current: one account, its connections and its quota."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
import json
import logging
from typing import Any, Self, override
import uuid

from aiohttp import WSCloseCode, WSMsgType, web

from simulators.mqtt import Broker
from simulators.simulator import Chargepoint, ControlError, Simulator, Timing

from . import messages
from .chargepoint import BlueCurrentChargepoint, ChargepointSetup
from .requests import Requests

_LOGGER = logging.getLogger(__name__)

_CLOSED_BY_QUOTA = 4001
#: Seconds between two reports of a charge point that is charging.
_REPORT = 10.0
_VALIDATE = "VALIDATE_API_TOKEN"
_GET_ACCOUNT = "GET_ACCOUNT"


@dataclass(frozen=True)
class AccountSetup:
    """One account, and the strictness of the server."""

    api_token: str = "good"  # noqa: S105
    customer_id: str = "C-1"
    login: str = "user@example.com"
    single: bool = True
    """Refuse a second connection of the same address."""
    quota: int = 0
    """Requests a day; 0 for no limit."""


class BlueCurrentSimulator(Simulator[BlueCurrentChargepoint]):
    """A server with one account; use it as ``async with``.

    Besides the websocket it accepts control words by HTTP: POST to ``/do``, such as ``driveway
    plug``.
    """

    def __init__(
        self,
        *setups: ChargepointSetup,
        account: AccountSetup | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        timing: Timing | None = None,
    ) -> None:
        """Prepare an account; without a setup it has one charge point."""
        super().__init__(Broker(), timing or Timing(), 0)
        self.account = account or AccountSetup()
        self.cards = {"046C8CCA8C1D90": "My Charge Card", "04A1B2C3D4E5F6": "Company card"}
        self.load: tuple[float, ...] = (3, 2, 1)
        self.login = self.account.login
        self.reject_reason: str | None = None
        self.left = self.account.quota or None
        self.requests: list[dict[str, Any]] = []
        """Every frame that came in, oldest first."""
        self._requests = Requests(self)
        self._token_valid = True
        self._auth_tokens: set[str] = set()
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._logged_in: set[web.WebSocketResponse] = set()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._unlisted: set[str] = set()
        for setup in setups or (ChargepointSetup(),):
            self.add(BlueCurrentChargepoint(setup, self))

    # The server -------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"ws://{self._host}:{self._port}/haserver"

    @property
    def connections(self) -> int:
        """The number of connections."""
        return len(self._sockets)

    @override
    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/haserver", self._serve)
        app.router.add_post("/do", self._obey_http)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        await self.accept(on=True)
        self.spawn(self._report())
        return self

    @override
    async def stop(self) -> None:
        self._thawed.set()
        self.abort_all()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await super().stop()

    async def accept(self, *, on: bool) -> None:
        """Accept connections, or refuse new ones; existing ones stay."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if on and self._runner is not None:
            self._site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
            await self._site.start()
            self._port = self._runner.addresses[0][1]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to its end."""
        reason = self.reject_reason
        if reason is None and self.left == 0:
            reason = "Request limit reached"
        if reason is None and self.account.single and self._sockets:
            reason = "Already connected"
        if reason is not None:
            return web.Response(status=403, headers={"x-websocket-reject-reason": reason})
        websocket = web.WebSocketResponse(autoping=False)
        await websocket.prepare(request)
        self._sockets[websocket] = request
        try:
            async for message in websocket:
                await self._thawed.wait()
                if message.type is WSMsgType.PING:
                    await websocket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    await self._receive_frame(websocket, str(message.data))
        finally:
            self._sockets.pop(websocket, None)
            self._logged_in.discard(websocket)
        return websocket

    async def _obey_http(self, request: web.Request) -> web.Response:
        try:
            await self.do(await request.text())
        except ControlError as error:
            return web.Response(text=f"error: {error}")
        return web.Response(text="ok")

    async def _receive_frame(self, websocket: web.WebSocketResponse, text: str) -> None:
        try:
            request = json.loads(text)
            command = request["command"]
        except ValueError, TypeError, KeyError:
            await _send(websocket, messages.error(0))
            return
        self.requests.append(request)
        if self.left is not None:
            if self.left == 0:
                await _send(websocket, messages.error(42))
                await websocket.close(code=_CLOSED_BY_QUOTA)
                return
            self.left -= 1
        if command == _VALIDATE:
            await _send(websocket, self._validate(request))
        elif request.get("Authorization") not in self._auth_tokens:
            await _send(websocket, messages.error(1))
        elif command == _GET_ACCOUNT:
            await _send(
                websocket, {"object": "ACCOUNT", "login": self.login, "full_name": "J. Jansen"}
            )
        else:
            self._logged_in.add(websocket)
            self.spawn(self._requests.answer(request))

    def _validate(self, request: dict[str, Any]) -> dict[str, Any]:
        frame = {"object": "STATUS_API_TOKEN"}
        if not self._token_valid or request.get("token") != self.account.api_token:
            return frame | {"success": False, "error": "invalid"}
        token = uuid.uuid4().hex
        self._auth_tokens.add(f"Token {token}")
        return frame | {
            "success": True,
            "token": token,
            "customer_id": self.account.customer_id,
            "error": "",
        }

    # What charge points and requests call -------------------------------------------

    def push(self, frame: dict[str, Any] | str) -> None:
        """Send a frame to all clients that are logged in."""
        for websocket in tuple(self._logged_in):
            self.spawn(_send(websocket, frame, self._thawed))

    def find(self, evse_id: object) -> BlueCurrentChargepoint | None:
        """Find a charge point of the account."""
        return next((point for point in self.listed if point.evse_id == evse_id), None)

    @property
    def listed(self) -> list[BlueCurrentChargepoint]:
        """The charge points of the account."""
        return [point for name, point in self.points.items() if name not in self._unlisted]

    @property
    def frozen(self) -> bool:
        """Whether reading and writing are suspended."""
        return not self._thawed.is_set()

    @frozen.setter
    def frozen(self, value: bool) -> None:
        (self._thawed.clear if value else self._thawed.set)()

    async def close_all(self, code: int = WSCloseCode.OK) -> None:
        """Close all connections with a code."""
        for websocket in tuple(self._sockets):
            await websocket.close(code=code)

    def abort_all(self) -> None:
        """Break all connections abruptly."""
        for request in tuple(self._sockets.values()):
            if request.transport is not None:
                request.transport.abort()

    def invalidate(self, *, api_token: bool | None = None) -> None:
        """Invalidate the auth tokens, and set whether the API token is valid."""
        self._auth_tokens.clear()
        if api_token is not None:
            self._token_valid = api_token

    def send_error(self, code: int) -> None:
        """Send an ERROR."""
        self.push(messages.error(code))

    def list_again(self, point: Chargepoint, *, listed: bool) -> None:
        """Add a charge point to the account, or remove it."""
        (self._unlisted.discard if listed else self._unlisted.add)(point.name)

    def push_grid(self) -> None:
        """Report the load of the building."""
        loads = {f"grid_actual_p{line}": load for line, load in enumerate(self.load, 1)}
        for point in self.listed:
            self.push({"object": "GRID_CURRENT", "evse_id": point.evse_id, **loads})

    async def _report(self) -> None:
        """Report periodically on the charge points that are charging."""
        while True:
            await self.sleep(_REPORT)
            self._requests.apply_schedules()
            for point in self.listed:
                if point.charging and not point.silent:
                    point.push()

    # Not used, as there is no broker --------------------------------------------------

    @property
    @override
    def topics(self) -> Iterable[str]:
        return ()

    @override
    def connected(self, *, first: bool) -> None:
        raise NotImplementedError

    @override
    def handle(self, topic: str, payload: bytes) -> None:
        raise NotImplementedError


async def _send(
    websocket: web.WebSocketResponse,
    frame: dict[str, Any] | str,
    thawed: asyncio.Event | None = None,
) -> None:
    if thawed is not None:
        await thawed.wait()
    text = frame if isinstance(frame, str) else json.dumps(frame)
    try:
        await websocket.send_str(text)
    except (ConnectionError, RuntimeError) as error:
        _LOGGER.info("Not sent: %s", error)
