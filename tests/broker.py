"""A real MQTT broker in its own process, and certificates for it.

It is mosquitto if installed, otherwise amqtt. `FIMP_TEST_BROKER=amqtt` selects amqtt.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import hashlib
from ipaddress import ip_address
import json
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.broker import HOST, free_port

USERNAME = "evelyn"
PASSWORD = "plug-in-7"
#: A user for charge points, whose password never changes.
CHARGER_USERNAME = "charger"

_START_SECONDS = 15.0


def mosquitto() -> str | None:
    """Return the path of mosquitto, None if amqtt must be used."""
    if os.environ.get("FIMP_TEST_BROKER") == "amqtt":
        return None
    # It may be installed outside the PATH of users.
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")


@dataclass
class Certificates:
    """A certificate authority, and certificates for broker and client, as PEM."""

    authority: str
    server: str
    server_key: str
    client: str
    client_key: str

    @classmethod
    def make(cls) -> Certificates:
        """Create all keys and certificates, with few extensions as self-made ones have."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority = _sign("Test CA", key, "Test CA", key, authority=True)
        server_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        return cls(
            authority=authority,
            server=_sign("broker", server_key, "Test CA", key),
            server_key=_pem(server_key),
            client=_sign("client", client_key, "Test CA", key),
            client_key=_pem(client_key),
        )


@dataclass
class BrokerProcess:
    """A broker that can be stopped and started again on the same port."""

    folder: Path
    credentials: bool = False
    certificates: Certificates | None = None
    client_certificates: bool = False
    delivers: bool = True
    #: Additional lines for mosquitto.conf.
    lines: str = ""
    port: int = field(default_factory=free_port)
    host: str = HOST
    _process: subprocess.Popen[bytes] | None = None
    #: Whether it has never run, so that its port can still be changed.
    _is_new: bool = True

    def start(self, *, password: str = PASSWORD) -> None:
        """Start the broker; returns when it accepts connections."""
        self.folder.mkdir(exist_ok=True)
        deadline = time.monotonic() + _START_SECONDS
        while not self._runs(password, deadline):
            if time.monotonic() > deadline:
                log = Path(self.folder, "log")
                raise RuntimeError(log.read_text() if log.exists() else "the port is in use")
            # Another program took the port in the meantime.
            if self._is_new:
                self.port = free_port()
            time.sleep(0.1)
        self._is_new = False

    def stop(self) -> None:
        """Stop the broker."""
        if self._process is not None:
            # It may be frozen.
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End the broker as a power failure does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it do nothing, but keep its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it continue; it reads its access rules again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(signal.SIGHUP)

    @property
    def log(self) -> str:
        """The log of the broker."""
        return Path(self.folder, "log").read_text()

    def _runs(self, password: str, deadline: float) -> bool:
        """Start the process and return whether it accepts connections."""
        if not self._port_is_free():
            # The program that uses the port would accept connections.
            return False
        program = mosquitto()
        command = self._amqtt(password) if program is None else self._mosquitto(program, password)
        with Path(self.folder, "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._accepts():
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _port_is_free(self) -> bool:
        with socket.socket() as listener:
            # Connections of the previous process may remain.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                listener.bind((self.host, self.port))
                return True
        return False

    def _accepts(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1)
            return client.connect_ex((self.host, self.port)) == 0

    def _write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def _tls_files(self) -> Sequence[str]:
        """Return the paths of authority, certificate and key; empty without TLS."""
        certificates = self.certificates
        if certificates is None:
            return ()
        return (
            self._write("ca.pem", certificates.authority),
            self._write("server.pem", certificates.server),
            self._write("server_key.pem", certificates.server_key),
        )

    def _mosquitto(self, program: str, password: str) -> Sequence[str]:
        lines = [
            # As root, it would switch to a user that cannot read these files.
            "user root",
            f"listener {self.port} {self.host}",
            f"allow_anonymous {'false' if self.credentials else 'true'}",
        ]
        if self.credentials:
            lines.append(f"password_file {self._write('passwords', _password_lines(password))}")
        if files := self._tls_files():
            names = ("cafile", "certfile", "keyfile")
            lines += [f"{name} {file}" for name, file in zip(names, files, strict=True)]
            lines.append(f"require_certificate {str(self.client_certificates).lower()}")
        if not self.delivers:
            lines.append(f"acl_file {self._write('rules', 'topic write #' + os.linesep)}")
        lines.append(self.lines)
        return program, "-c", self._write("mosquitto.conf", "\n".join(lines) + "\n")

    def _amqtt(self, password: str) -> Sequence[str]:
        if self.client_certificates or self.lines or not self.delivers:
            raise NotImplementedError("amqtt does not support this")
        listener: dict[str, object] = {"type": "tcp", "bind": f"{self.host}:{self.port}"}
        if files := self._tls_files():
            names = ("cafile", "certfile", "keyfile")
            listener |= {"ssl": True, **dict(zip(names, files, strict=True))}
        plugin = "amqtt.plugins.authentication."
        plugins: dict[str, object] = {plugin + "AnonymousAuthPlugin": {"allow_anonymous": True}}
        if self.credentials:
            from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415

            hasher = Argon2Hasher()
            lines = (f"{user}:{hasher.hash(word)}\n" for user, word in _users(password))
            file = self._write("passwords", "".join(lines))
            plugins = {plugin + "FileAuthPlugin": {"password_file": file}}
        config = {"listeners": {"default": listener}, "plugins": plugins}
        # JSON is YAML.
        file = self._write("amqtt.yaml", json.dumps(config))
        return sys.executable, "-m", "amqtt.scripts.broker_script", "-c", file


def _users(password: str) -> Sequence[tuple[str, str]]:
    return (USERNAME, password), (CHARGER_USERNAME, PASSWORD)


def _password_lines(password: str) -> str:
    """Return a password file as written by mosquitto_passwd, which may not be installed."""
    return "".join(_password_line(user, word) for user, word in _users(password))


def _password_line(user: str, password: str) -> str:
    # The salt must have twelve bytes.
    salt, rounds = b"salt of test", 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, dklen=64)
    parts = (base64.b64encode(value).decode() for value in (salt, digest))
    return f"{user}:$7${rounds}${'$'.join(parts)}\n"


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
) -> str:
    """Return a certificate for this machine."""
    now = datetime.now(UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ip_address(HOST))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(issuer_key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
