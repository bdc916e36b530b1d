"""The forms of the config flow, and how they become the data of an entry."""

import re
from typing import Final

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

from ..const import (
    CONF_CA_CERTIFICATE,
    CONF_CLIENT_CERTIFICATE,
    CONF_CLIENT_KEY,
    CONF_HUB,
    CONF_PREFIXES,
    CONF_TLS,
    Fields,
    HubKind,
    Tls,
)

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
        probatio.Required(CONF_TLS, default=Tls.OFF.value): SelectSelector(
            SelectSelectorConfig(
                options=[each.value for each in Tls],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key=CONF_TLS,
            )
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
