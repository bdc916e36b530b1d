"""The forms of the config flow, how they become the data of an entry, and how they are shown."""

from collections.abc import Iterable
import re
from typing import Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from ..chargepoint.errors import AuthenticationError, ChargepointError, NoAnswerError, TlsError
from ..const import (
    CONF_CA_CERTIFICATE,
    CONF_CLIENT_CERTIFICATE,
    CONF_CLIENT_KEY,
    CONF_HUB,
    CONF_PREFIXES,
    CONF_TLS,
    DOMAIN,
    Fields,
    HubKind,
    Tls,
)
from ..entity import async_message, translated, value_text
from ..hubs import CertificateError

_DEFAULT_PORT: Final = 1883
_ROOT: Final = ""

_SECTION_TOPICS: Final = "topics"
_SECTION_CERTIFICATES: Final = "certificates"
_SECTIONS: Final = {
    _SECTION_TOPICS: (CONF_PREFIXES,),
    _SECTION_CERTIFICATES: (CONF_CA_CERTIFICATE, CONF_CLIENT_CERTIFICATE, CONF_CLIENT_KEY),
}
#: A secret is kept when its field stays empty and its companion stays the same.
_SECRETS: Final = {CONF_PASSWORD: CONF_USERNAME, CONF_CLIENT_KEY: CONF_CLIENT_CERTIFICATE}

#: The codes of errors with a text for accounts.
_ACCOUNT_ERRORS: Final = frozenset({"already_connected", "invalid_api_token", "request_limit"})
#: The translation keys of errors of a broker; the first type that fits counts.
_BROKER_ERRORS: Final = {
    AuthenticationError: "invalid_auth",
    CertificateError: "invalid_certificate",
    TlsError: "tls_failed",
    NoAnswerError: "no_answer",
}
#: The pages for the API token of an account.
_TOKEN_PAGES: Final = ("blue_current", "token")
#: What has a meaning in Markdown: anywhere, after a number (`1. floor`), and at the beginning.
_MARKDOWN: Final = re.compile(r"[\\`*_~\[\]<>#|&@]|(?<=\d)[.)](?= )|^[-+](?= )")


def choice(options: Iterable[str], key: str | None = None) -> SelectSelector:
    """Return a field for one of several words; `key` is that of their translations."""
    config = SelectSelectorConfig(options=[*options], mode=SelectSelectorMode.DROPDOWN)
    if key is not None:
        config["translation_key"] = key
    return SelectSelector(config)


_TEXT = TextSelector()
_PEM = TextSelector(TextSelectorConfig(multiline=True))
_CREDENTIALS = {
    probatio.Optional(CONF_USERNAME): TextSelector(TextSelectorConfig(autocomplete="username")),
    probatio.Optional(probatio.Secret(CONF_PASSWORD)): TextSelector(
        TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
    ),
}
_TOPICS = {
    probatio.Required(_SECTION_TOPICS): section(
        probatio.Schema(
            {probatio.Optional(CONF_PREFIXES): TextSelector(TextSelectorConfig(multiple=True))}
        ),
        {"collapsed": True},
    )
}

HOME_ASSISTANT_SCHEMA = probatio.Schema(_TOPICS)

BROKER_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_HOST): _TEXT,
        probatio.Required(CONF_PORT, default=_DEFAULT_PORT): probatio.All(
            NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX)),
            probatio.Coerce(int),
        ),
        **_CREDENTIALS,
        probatio.Required(CONF_TLS, default=Tls.OFF.value): choice(
            [each.value for each in Tls], CONF_TLS
        ),
        probatio.Required(_SECTION_CERTIFICATES): section(
            probatio.Schema(
                {
                    probatio.Optional(CONF_CA_CERTIFICATE): _PEM,
                    probatio.Optional(CONF_CLIENT_CERTIFICATE): _PEM,
                    probatio.Optional(probatio.Secret(CONF_CLIENT_KEY)): _PEM,
                }
            ),
            {"collapsed": True},
        ),
        **_TOPICS,
    }
)

CREDENTIALS_SCHEMA = probatio.Schema(_CREDENTIALS)


class FormError(Exception):
    """An invalid input; `key` is the translation key of the error."""

    def __init__(self, key: str) -> None:
        """Remember the translation key."""
        super().__init__(key)
        self.key = key


def home_assistant_data(form: Fields) -> dict[str, object]:
    """Return the entry data of a filled in HOME_ASSISTANT_SCHEMA; the form may be empty."""
    return {CONF_HUB: HubKind.HOME_ASSISTANT.value, CONF_PREFIXES: _prefixes(form)}


def broker_data(form: Fields, known: Fields) -> dict[str, object]:
    """Return the entry data of a filled in BROKER_SCHEMA.

    `known` is the data of the entry that is changed. Secrets are never shown again, so
    an empty field takes them from there.

    Raises:
        FormError: something is missing.

    """
    fields = {**form, **form[_SECTION_CERTIFICATES]}
    data = {
        CONF_HUB: HubKind.BROKER.value,
        CONF_HOST: _host(fields[CONF_HOST]),
        CONF_PORT: fields[CONF_PORT],
        CONF_TLS: fields[CONF_TLS],
        CONF_PREFIXES: _prefixes(form),
    }
    for name in (CONF_CA_CERTIFICATE, *_SECRETS.values(), *_SECRETS):
        if value := fields.get(name):
            data[name] = value
    for secret, companion in _SECRETS.items():
        if companion in data and secret in known and data[companion] == known.get(companion):
            data.setdefault(secret, known[secret])
    if data[CONF_TLS] == Tls.OWN_CA and CONF_CA_CERTIFICATE not in data:
        raise FormError("ca_certificate_missing")
    if CONF_CLIENT_KEY in data and CONF_CLIENT_CERTIFICATE not in data:
        raise FormError("client_certificate_missing")
    return data


def credentials_data(form: Fields, known: Fields) -> dict[str, object]:
    """Return `known` with what CREDENTIALS_SCHEMA was filled in with."""
    data = {
        name: value for name, value in known.items() if name not in (CONF_USERNAME, CONF_PASSWORD)
    }
    return data | {name: value for name, value in form.items() if value}


def suggestions(data: Fields) -> dict[str, object]:
    """Return what to fill a form with from the data of an entry; never a secret."""
    shown = {name: value for name, value in data.items() if name not in _SECRETS}
    return shown | {
        name: {each: shown[each] for each in fields if each in shown}
        for name, fields in _SECTIONS.items()
    }


def _host(text: str) -> str:
    """Return the host; people also enter URLs here."""
    host = text.strip()
    # Colons are left to IPv6: one alone comes before a port.
    if not host or host.count(":") == 1 or re.search(r"[\s/]|\.\.", host):
        raise FormError("host_invalid")
    return host


def _prefixes(form: Fields) -> list[str]:
    """Return the topic prefixes, each once; without any, the root of the broker."""
    prefixes = list(dict.fromkeys(form.get(_SECTION_TOPICS, {}).get(CONF_PREFIXES, ())))
    if any(wildcard in prefix for prefix in prefixes for wildcard in "+#"):
        raise FormError("prefix_with_wildcard")
    # `a` and `ab`: module `bm` below `a` and module `m` below `ab` have the same topic.
    if any(
        other.startswith(prefix) and other != prefix
        for prefix in prefixes
        if prefix and not prefix.endswith("/")
        for other in prefixes
    ):
        raise FormError("prefixes_alike")
    return prefixes or [_ROOT]


class FormFlow(ConfigFlow):
    """A flow whose pages are forms."""

    @property
    def _known(self) -> Fields:
        """The data of the entry that is changed, empty for a new one."""
        if self.source != SOURCE_RECONFIGURE:
            return {}
        return self._get_reconfigure_entry().data

    def _show(
        self,
        step_id: str,
        schema: probatio.Schema,
        user_input: Fields | None,
        problem: Exception | None,
        **placeholders: str,
    ) -> ConfigFlowResult:
        """Show a form, with what was filled in before and what was wrong with it."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                schema, suggestions(self._known) if user_input is None else user_input
            ),
            errors={} if problem is None else {"base": _error_key(step_id, problem)},
            description_placeholders={
                "currency": self.hass.config.currency,
                **self._details(step_id, problem),
                **placeholders,
            },
        )

    def _details(self, step_id: str, problem: Exception | None) -> dict[str, str]:
        """Return what went wrong, in the language of the system, and until when."""
        if not isinstance(problem, ChargepointError):
            return {"detail": "", "until": ""}
        message = async_message(self.hass, translated(self.hass, problem, DOMAIN))
        # The text of a broker's error says the rest.
        detail = None if step_id in _TOKEN_PAGES else problem.values.get("detail")
        return {
            "detail": str(detail or message),
            "until": value_text(problem.values.get("until", "")),
        }


def listed(names: Iterable[str]) -> str:
    """Return a list in Markdown."""
    return "\n".join(f"- {plain_text(name)}" for name in sorted(names))


def plain_text(text: str) -> str:
    """Return Markdown that shows a text as it is: others have chosen the names of charge points."""
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(text.split()))


def _error_key(step_id: str, problem: Exception) -> str:
    """Return the translation key of what was wrong."""
    if isinstance(problem, FormError):
        return problem.key
    if step_id in _TOKEN_PAGES:
        code = problem.code if isinstance(problem, ChargepointError) else ""
        return code if code in _ACCOUNT_ERRORS else "account_unreachable"
    found = (key for kind, key in _BROKER_ERRORS.items() if isinstance(problem, kind))
    return next(found, "cannot_connect")
