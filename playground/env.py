"""Reading settings from the environment: typed, with ``*_FILE`` variants, loud when one is wrong.

An empty variable counts as one that is not set, since that is how compose files and shells pass
"nothing".
"""

import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


class BadSetting(Exception):
    """An environment variable cannot be used. The message is one line for a person."""


@dataclass(frozen=True)
class Asked:
    """With what default a variable was asked for, and what it may be; "" for anything."""

    default: str
    limits: str


asked: dict[str, Asked] = {}
"""Every variable that this process has asked for, by its name."""


def _note(name: str, default: str, limits: str = "") -> None:
    # Who asks first knows most: what is typed asks for a text.
    asked.setdefault(name, Asked(default, limits))


def text(name: str, default: str = "") -> str:
    """The variable ``name``, or what the file named by ``<name>_FILE`` holds, stripped."""
    _note(name, default)
    value = os.environ.get(name, "").strip()
    file = os.environ.get(f"{name}_FILE", "").strip()
    if value and file:
        raise BadSetting(f"{name} and {name}_FILE are both set: keep one of them.")
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{name}_FILE={file} cannot be read: {error}.") from error
        if not value:
            raise BadSetting(f"{name}_FILE={file} is empty.")
    return value or default


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """One of ``allowed``, written in any case."""
    _note(name, default, ", ".join(allowed))
    value = text(name, default).lower()
    if value not in allowed:
        raise BadSetting(f"{name}={value} is not one of {', '.join(allowed)}.")
    return value


def integer(name: str, default: int, minimum: int, maximum: int) -> int:
    """A whole number between ``minimum`` and ``maximum``, both included."""
    _note(name, str(default), f"{minimum} to {maximum}")
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError as error:
        raise BadSetting(f"{name}={value} is not a whole number.") from error
    if not minimum <= number <= maximum:
        raise BadSetting(f"{name}={value} is not between {minimum} and {maximum}.")
    return number


def boolean(name: str, default: bool) -> bool:
    """Yes or no, as 1/0, true/false, yes/no or on/off."""
    _note(name, "yes" if default else "no", "yes, no")
    value = text(name, "yes" if default else "no").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name}={value} is neither yes nor no.")


def words(name: str) -> list[str]:
    """A list written with commas between its items; empty items are dropped."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def some(name: str, allowed: Sequence[str]) -> list[str]:
    """Some of ``allowed``, with commas between them, written in any case."""
    found = [word.lower() for word in words(name)]
    for word in found:
        if word not in allowed:
            raise BadSetting(f"{name}: {word} is not one of {', '.join(allowed)}.")
    return found


def numbers(name: str, minimum: int, maximum: int) -> dict[str, int]:
    """Numbers by name, as ``llama3=8192,qwen3=32768``."""
    found = {}
    for word in words(name):
        key, separator, value = word.rpartition("=")
        if not separator or not key or not value.isdecimal():
            raise BadSetting(f"{name}: {word} is not a name, an equals sign and a whole number.")
        if not minimum <= int(value) <= maximum:
            raise BadSetting(f"{name}: {value} is not between {minimum} and {maximum}.")
        found[key] = int(value)
    return found


def origins(name: str) -> list[str]:
    """Web origins, such as ``https://app.example.com``, with commas between them; ``*`` is all."""
    found = [word.rstrip("/").lower() for word in words(name)]
    for origin in found:
        scheme, separator, host = origin.partition("://")
        if origin != "*" and not (scheme and separator and host and "/" not in host):
            raise BadSetting(f"{name}: {origin} is no origin, as in https://app.example.com, or *.")
    return found


def path(name: str, default: Path) -> Path:
    """A path, made absolute from the folder that the process was started in."""
    return Path(text(name, str(default))).expanduser().absolute()


def url(name: str, schemes: Sequence[str], default: str = "") -> str:
    """An address that starts with one of ``schemes``, without a slash at its end."""
    value = text(name, default)
    if value and value.split("://", 1)[0].lower() not in schemes:
        ways = " or ".join(f"{scheme}://" for scheme in schemes)
        raise BadSetting(f"{name} does not start with {ways}.")
    return value.rstrip("/")


def origin(name: str, *schemes: str) -> str:
    """An address of a host and nothing on it, such as ``https://host:8443``, in lower case."""
    value = url(name, schemes)
    try:
        parts = urlsplit(value)
        bare = bool(parts.hostname) and value.lower() == f"{parts.scheme}://{parts.netloc}".lower()
        _ = parts.port
    except ValueError:
        bare = False
    if value and (not bare or "@" in value):
        raise BadSetting(
            f"{name} is not a host with its port, as in {schemes[-1]}://host:8443: "
            "leave out what stands before or behind."
        )
    return value.lower()


def hosts(name: str) -> list[str]:
    """Names of hosts as Django compares them, with commas between them."""
    found = words(name)
    for word in found:
        inner = word[1:-1] if word.startswith("[") and word.endswith("]") else ""
        if set("/@ ") & set(word) or (":" in word and ":" not in inner):
            raise BadSetting(
                f"{name}: {word} is no name of a host, as in playground.example, .example, "
                "10.0.0.5 or [::1]: leave out scheme, port and path."
            )
    return found


def proxies(name: str, default: str) -> str:
    """Addresses and networks, with commas between them; ``*`` is all."""
    value = text(name, default)
    for word in words(name):
        try:
            _ = word == "*" or ipaddress.ip_network(word)
        except ValueError as error:
            raise BadSetting(
                f"{name}: {word} is no address or network, as in 127.0.0.1 or 10.0.0.0/8, or *."
            ) from error
    return value


def check_address(name: str) -> None:
    """Look at a variable that somebody else reads: if it is set, it is the address of a server."""
    value = os.environ.get(name, "").strip()
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        good = False
    if value and not good:
        raise BadSetting(f"{name} is no address, as in http://collector:4318.")


def bearer(name: str) -> str:
    """A secret that is sent as a header: no spaces, plain characters. It is not in the message."""
    value = text(name)
    if not all("!" <= character <= "~" for character in value):
        raise BadSetting(f"{name} has characters that no token has.")
    return value


def certificates(name: str) -> Path | None:
    """The path of a file with certificates in PEM, or None."""
    if not text(name):
        return None
    file = path(name, Path())
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        raise BadSetting(f"{name}={file} holds no certificates in PEM ({error}).") from error
    return file
