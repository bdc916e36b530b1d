"""A real Home Assistant in its own process, controlled through its public APIs."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
import json
from pathlib import Path
import signal
import sys
from typing import Any

from aiohttp import ClientError, ClientSession
from homeassistant.components.http import config as http_config

from .broker import HOST
from .flow import CLOSING_PAGES, broker_form

_INTEGRATION = Path(__file__).parents[1] / "custom_components" / "fimp_chargepoint"
_PROGRAM = Path(__file__).with_name("home_assistant.py")
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0

_OPTIONS_FLOW = "config/config_entries/options/flow"

#: The owner account, created during onboarding.
USER = "demo"
PASSWORD = USER

_CONFIGURATION = """\
homeassistant:
  name: Demo
  unit_system: metric
  country: "NO"
  currency: NOK
  time_zone: Europe/Oslo
logger:
  default: warning
  logs:
    custom_components.fimp_chargepoint: info
config:
energy:
frontend:
history:
logbook:
recorder:
"""


class HomeError(Exception):
    """Home Assistant did not start or rejected a request."""


class Home:
    """A Home Assistant, and a client that is logged in as its owner."""

    def __init__(
        self,
        folder: Path,
        port: int,
        session: ClientSession,
        blue_current: str | None = None,
        python: str = sys.executable,
    ) -> None:
        """Use the configuration in `folder`, `port` of this machine, and a Python interpreter.

        Connections to Blue Current are made to the address `blue_current` instead.
        """
        self.url = f"http://{HOST}:{port}"
        self.log = folder / "output.log"
        self._folder = folder
        self._session = session
        self._program: tuple[str, ...] = (python, "-m", "homeassistant")
        if blue_current is not None:
            self._program = (python, str(_PROGRAM), blue_current)
        self._headers: dict[str, str] = {}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; return when it is ready for requests."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(*self._program, "--config", str(self._folder), "--skip-pip"),
                stdout=output,
                stderr=output,
                # Ctrl-C must not reach it: this process stops it.
                start_new_session=True,
            )
        await self._wait_until_up(self._process)

    async def stop(self) -> None:
        """End the process as the system does when it shuts down."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self) -> None:
        """End the process without giving it a chance to do anything."""
        process = self._running
        self._process = None
        process.kill()
        await process.wait()

    def freeze(self) -> None:
        """Let the process stand still, as if its machine had lost its power."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._running.send_signal(signal.SIGCONT)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise HomeError("Home Assistant is not running")
        return self._process

    async def restart(self) -> None:
        """Stop it and start it again with the same configuration; return when it runs."""
        await self.stop()
        await self.start()

    async def _wait_until_up(self, process: asyncio.subprocess.Process) -> None:
        """Return when it answers and, if a user is logged in, has started completely."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.returncode is None:
                    with suppress(ClientError, HomeError):
                        if not self._headers:
                            await self.get("onboarding")
                            return
                        if (await self.get("config"))["state"] == "RUNNING":
                            return
                    await asyncio.sleep(0.2)
        text = await asyncio.to_thread(self.log.read_text, errors="replace")
        raise HomeError("Home Assistant did not start:\n" + "\n".join(text.splitlines()[-20:]))

    async def log_in(self) -> None:
        """Create the owner, which completes the onboarding, and log in."""
        client = {"client_id": f"{self.url}/"}
        owner = {"name": "Demo", "username": USER, "password": PASSWORD, "language": "en"}
        code = (await self.post("onboarding/users", client | owner))["auth_code"]
        form = client | {"grant_type": "authorization_code", "code": code}
        async with self._session.post(f"{self.url}/auth/token", data=form) as response:
            token = (await response.json())["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str) -> Any:
        """Read a resource of the REST API."""
        return await self._request("get", path)

    async def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Post to the REST API.

        Raises:
            HomeError: Home Assistant rejected the request; with its message.

        """
        return await self._request("post", path, json=data)

    async def delete(self, path: str) -> Any:
        """Delete a resource of the REST API."""
        return await self._request("delete", path)

    async def _request(self, method: str, path: str, **arguments: Any) -> Any:
        async with self._session.request(
            method, f"{self.url}/api/{path}", headers=self._headers, **arguments
        ) as response:
            text = await response.text()
            if response.status >= 400:  # noqa: PLR2004
                raise HomeError(f"{path}: {response.status} {text}")
            return json.loads(text)

    async def states(self) -> dict[str, dict[str, Any]]:
        """Return all states by entity id."""
        return {state["entity_id"]: state for state in await self.get("states")}

    async def call(self, action: str, entity_id: str, **data: Any) -> None:
        """Call an action such as `switch.turn_on`; returns when it has finished."""
        await self.post(f"services/{action.replace('.', '/')}", {"entity_id": entity_id} | data)

    async def commands(self, *commands: Mapping[str, Any]) -> list[Any]:
        """Send commands over the websocket API and return their results."""
        results = []
        async with self._session.ws_connect(f"{self.url}/api/websocket") as socket:
            await socket.receive_json()
            token = self._headers["Authorization"].removeprefix("Bearer ")
            await socket.send_json({"type": "auth", "access_token": token})
            await socket.receive_json()
            for number, command in enumerate(commands, 1):
                await socket.send_json({"id": number, **command})
                answer = await socket.receive_json()
                if not answer.get("success"):
                    raise HomeError(f"{command['type']}: {answer}")
                results.append(answer["result"])
        return results

    async def add_integration(
        self,
        host: str | None = None,
        broker_port: int = 0,
        *,
        prefixes: Sequence[str] = (),
        **credentials: str,
    ) -> str:
        """Complete the integration's config flow; return the charge points it shows.

        Without `host` it uses the broker of Home Assistant's MQTT integration.
        """
        choice = "home_assistant" if host is None else "broker"
        form: dict[str, Any] = {"topics": {}}
        if host is not None:
            form = broker_form(host, broker_port, prefixes=prefixes, **credentials)
        path = "config/config_entries/flow"
        step = await self.post(path, {"handler": "fimp_chargepoint"})
        found = ""
        while step["type"] != "create_entry":
            path = f"config/config_entries/flow/{step['flow_id']}"
            match step["type"], step.get("step_id"):
                case "progress" | "progress_done", _:
                    await asyncio.sleep(0.5)
                    step = await self.get(path)
                case "menu", _:
                    step = await self.post(path, {"next_step_id": choice})
                case "form", page if page == choice and not step["errors"]:
                    step = await self.post(path, form)
                case "form", page if page in CLOSING_PAGES:
                    found = step["description_placeholders"]["charge_points"]
                    step = await self.post(path, {})
                case _:
                    state = {key: step.get(key) for key in ("type", "step_id", "errors")}
                    raise HomeError(f"the config flow stopped at {state}")
        return found

    async def add_account(self, api_token: str, **price: float) -> str:
        """Complete the integration's config flow for a Blue Current account; return its entry's ID.

        The `price` is optional.
        """
        path = "config/config_entries/flow"
        step = await self.post(path, {"handler": "fimp_chargepoint"})
        for answer in ({"next_step_id": "blue_current"}, {"api_token": api_token}, price):
            step = await self.post(f"{path}/{step['flow_id']}", answer)
        if step["type"] != "create_entry":
            raise HomeError(f"the config flow stopped at {step.get('errors')}")
        return str(step["result"]["entry_id"])

    async def set_options(self, **sections: Mapping[str, Any]) -> Any:
        """Change options of all entries, by section of the form; return the last next step."""
        step: Any = None
        for form in await self._options_forms():
            answer = {
                section["name"]: {
                    **{
                        field["name"]: field["default"]
                        for field in section["schema"]
                        if "default" in field
                    },
                    **sections.get(section["name"], {}),
                }
                for section in form["data_schema"]
            }
            step = await self.post(f"{_OPTIONS_FLOW}/{form['flow_id']}", answer)
        return step

    async def guard(self, safe_current: float, *, on_stop: bool = False) -> None:
        """Give every charge point that can be limited a failsafe."""
        [form] = await self._options_forms()
        [field] = [
            field
            for section in form["data_schema"]
            if section["name"] == "failsafe"
            for field in section["schema"]
            if field["name"] == "failsafe"
        ]
        chosen = [each["value"] for each in field["selector"]["select"]["options"]]
        options = {"failsafe": chosen, "failsafe_on_stop": on_stop}
        step = await self.set_options(failsafe=options)
        while step["type"] != "create_entry":
            path = f"{_OPTIONS_FLOW}/{step['flow_id']}"
            step = await self.post(path, {"safe_current": safe_current})

    async def _options_forms(self) -> list[Any]:
        entries = await self.get("config/config_entries/entry?domain=fimp_chargepoint")
        return [await self.post(_OPTIONS_FLOW, {"handler": each["entry_id"]}) for each in entries]


@asynccontextmanager
async def running_home(
    folder: Path, port: int, *, blue_current: str | None = None, python: str = sys.executable
) -> AsyncIterator[Home]:
    """Run an onboarded Home Assistant on `port`, with its configuration in `folder`.

    It is the one that `python` has. Connections to Blue Current are made to the address
    `blue_current` instead.
    """
    _prepare(folder, port)
    async with ClientSession() as session:
        home = Home(folder, port, session, blue_current, python)
        try:
            await home.start()
            await home.log_in()
            yield home
        finally:
            await home.stop()


def _prepare(folder: Path, port: int) -> None:
    """Write the configuration; only the owner step of the onboarding remains."""
    (folder / "configuration.yaml").write_text(_CONFIGURATION)
    components = folder / "custom_components"
    components.mkdir()
    (components / _INTEGRATION.name).symlink_to(_INTEGRATION)
    (folder / ".storage").mkdir()
    _store(folder, "onboarding", 4, {"done": ["core_config", "analytics", "integration"]})
    # If set in YAML, they would have to be confirmed in the browser within five minutes.
    server = http_config.HTTP_STORAGE_SCHEMA({"server_host": HOST, "server_port": port})
    _store(
        folder,
        http_config.STORAGE_KEY,
        http_config.STORAGE_VERSION,
        {"stable": server, "pending": None, "yaml_migration_done": True},
        http_config.STORAGE_MINOR_VERSION,
    )


def _store(
    folder: Path, key: str, version: int, data: Mapping[str, Any], minor_version: int = 1
) -> None:
    """Write a file in the format of Home Assistant's storage."""
    content = {"version": version, "minor_version": minor_version, "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(content))
