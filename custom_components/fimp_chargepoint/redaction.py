"""Replaces personal data, each value always by the same word. Pure.

So a redacted message can still be replayed: if the serial number of a charger is its address
as well, both are replaced by one word.
"""

from collections.abc import Mapping
from functools import lru_cache
import json
import re
from typing import Final, cast

REDACTED: Final = "redacted"

#: Keys of secrets, and of what identifies a person, a car or a device, without case and
#: punctuation: protocols do not agree on these.
_SECRET: Final = frozenset(
    """
    host username user password passphrase pin secret clientsecret apikey authorization
    cacertificate clientcertificate clientkey certificate certificatechain privatekey
    publickey meterpublickey powermeterpublickeyocmf signature signedmeterdata
    clientid token accesstoken refreshtoken idtoken idtag parentidtag parentidtoken groupidtoken
    serial serialnumber serialno serialnr chargepointserial chargepointserialnumber
    defaultcardnumber defaultcardowner parameterdefaultcardnumber parameterdefaultcardowner
    chargeboxserialnumber meterserialnumber meterid deviceid evseid identity
    evccid vehicleid vin licenseplate emaid contractid iccid imsi imei identificationdata
    email mail phone ssid bssid mac macaddress ip ipaddress url csmsurl loggingpath
    latitude longitude lat lon lng street city zip zipcode postcode postalcode
    xcoord ycoord housenumber customerid customername apitoken sessiontoken
    """.split()  # noqa: SIM905
)
#: How keys end that are one of these and a word before it, such as `wifi_password`.
_SECRET_ENDS: Final = (
    *("password", "passphrase", "secret", "apikey", "accesstoken", "certificate", "username"),
    *("ssid", "email", "phone", "serialnumber", "macaddress", "ipaddress", "iccid", "imsi"),
    *("csmsurl", "latitude", "longitude"),
)
#: Keys of names that people give.
_NAME: Final = frozenset(
    {"alias", "area", "friendlyname", "suggestedarea", "title", "chargepointname"}
    | {"defaultcard", "parameterdefaultcard"}
)
#: Under which keys the charge cards of an account are, and the word for none.
_CARDS: Final = ("cards", "defaultcard", "preferredcard")
_NO_CARD: Final = "BCU-APP"
#: Keys that are secret only there: the keys of an object and of what is in it.
_SECRET_WITHIN: Final = frozenset(
    {("vehicle", "id"), *((each, key) for each in _CARDS for key in ("uid", "id"))}
)
_NAME_WITHIN: Final = frozenset(
    {
        ("client", "name"),
        ("identity", "name"),
        ("data", "name"),
        *((each, "name") for each in _CARDS),
    }
)
#: The value of what is named beside it, as a configuration key of OCPP: it may be a password.
_NAMED: Final = frozenset({"key", "componentvariable"})
_VALUE: Final = frozenset({"value", "actualvalue"})
#: Keys of data that can hold anything and is not used.
_ANYTHING: Final = frozenset({"configs", "configstate", "uiblocks", "uibuttons"})

#: Secrets in texts, recognised by how they look.
_LOOKS: Final = re.compile(
    # A user and a password in an address.
    r"(?<=://)[^\s/\"]+(?=@)"
    r"|-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"
    r"|\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5,7}\b"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:(?:10|127)\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)(?:\.\d{1,3}){2}\b",
    re.DOTALL,
)
#: A key and its value in a text that is not valid JSON.
_PAIR: Final = re.compile(r'("([^"\\]{1,64})"\s*:\s*)"((?:[^"\\]|\\.)*)"?')
#: Shorter values are replaced only under their key: elsewhere they may mean anything.
_TEXT_MIN: Final = 4
_VALUE_MIN: Final = 8
_PLAIN_WORD: Final = re.compile(r"[A-Za-z_-]+")


class Redactor:
    """Redacts things that belong together: first `data` of them all, then `text`."""

    def __init__(self) -> None:
        """Know of no secret yet."""
        self._words: dict[str, str] = {}
        #: What is looked for in every text, and what is harmless although its key is not.
        self._anywhere: set[str] = set()
        self._harmless: set[str] = set()

    def secret(self, value: str) -> str:
        """Return the word for a value that is a secret wherever it stands."""
        if value == _NO_CARD:
            return value
        if len(value) >= _TEXT_MIN:
            self._anywhere.add(value)
        return self._word(value)

    def harmless(self, name: str) -> None:
        """Keep a name that is not personal."""
        self._harmless.add(name)

    def data(self, value: object, *keys: str) -> object:
        """Return JSON data with a word for each secret; `keys` is where it was found."""
        if isinstance(value, Mapping):
            return self.fields(value, *keys)
        if isinstance(value, list | tuple):
            return [self.data(each, *keys) for each in value]
        return value

    def fields(self, value: Mapping[str, object], *keys: str) -> dict[str, object]:
        """Return an object of JSON with a word for each secret."""
        named = not _NAMED.isdisjoint(_plain(str(key)) for key in value)
        # A setting of the manufacturer's is named, too; only some are secret.
        named = named or _is_secret(_plain(str(value.get("parameter_id"))))
        return {
            key: self._value(each)
            if named and isinstance(each, str) and each and _plain(str(key)) in _VALUE
            else self._item(str(key), each, keys)
            for key, each in value.items()
        }

    def bare(self, value: object, *keys: str) -> object:
        """Return data whose key is not beside it but one of `keys`."""
        if not isinstance(value, str) or not any(_is_secret(_plain(each)) for each in keys):
            return self.data(value)
        return self.secret(value) if value else value

    def broken(self, text: str) -> str:
        """Return a text that is almost JSON, with a word for each secret."""

        def replaced(match: re.Match[str]) -> str:
            before, key, value = match.groups()
            return f"{before}{json.dumps(self._item(key, value, ()))}"

        return _PAIR.sub(replaced, text)

    def text[T](self, value: T) -> T:
        """Return data without all secrets that were found in any, keys and texts alike."""
        pattern = _pattern(self._anywhere)

        def word(match: re.Match[str]) -> str:
            return self._word(match.group())

        def clean(value: object) -> object:
            if isinstance(value, str):
                value = _LOOKS.sub(word, value)
                return value if pattern is None else pattern.sub(word, value)
            if isinstance(value, dict):
                return {clean(key): clean(each) for key, each in value.items()}
            return [clean(each) for each in value] if isinstance(value, list) else value

        return cast("T", clean(value))

    def _item(self, key: str, value: object, keys: tuple[str, ...]) -> object:
        """Return what stands below `key`, which is found below `keys`."""
        name, above = _plain(key), _plain(keys[-1]) if keys else ""
        # A token is an object with a value and a type, in some protocols.
        secret = _is_secret(name) or (name == "value" and _is_secret(above))
        if name in _ANYTHING:
            value = REDACTED
        elif isinstance(value, str) and value:
            if secret or (above, name) in _SECRET_WITHIN:
                value = self.secret(value)
            elif name in _NAME or (above, name) in _NAME_WITHIN:
                value = self._name(value)
            else:
                value = self._nested(value)
        elif secret and isinstance(value, int | float) and not isinstance(value, bool):
            value = 0
        elif secret and isinstance(value, list):
            value = [self._item(key, each, keys) for each in value]
        else:
            value = self.data(value, *keys, key)
        return value

    def _nested(self, value: str) -> str:
        """Return a text, which may be JSON itself."""
        if value[:1] not in ("{", "["):
            return value
        try:
            return json.dumps(self.data(json.loads(value)))
        except ValueError:
            return self.broken(value)

    def _value(self, value: str) -> str:
        """Return the word for a value of anything; a short one may stand elsewhere, too."""
        return self.secret(value) if len(value) >= _VALUE_MIN else self._word(value)

    def _name(self, value: str) -> str:
        """Return the word for a name."""
        if value in self._harmless:
            return value
        if _PLAIN_WORD.fullmatch(value) is None:
            # One plain word may be one of the protocol's, too.
            self.secret(value)
        return self._word(value)

    def _word(self, value: str) -> str:
        return self._words.setdefault(value, f"{REDACTED}{len(self._words) + 1}")


def blanked(value: object) -> object:
    """Return data of which only the shape, the keys and the numbers are left."""
    if isinstance(value, Mapping):
        return {key: blanked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [blanked(each) for each in value]
    return REDACTED if isinstance(value, str) else value


def _is_secret(key: str) -> bool:
    return key in _SECRET or key.endswith(_SECRET_ENDS)


@lru_cache(4096)
def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _pattern(values: set[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds each of `values` as a whole word, the longest first."""
    if not values:
        return None
    either = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{either})(?![A-Za-z0-9])")
