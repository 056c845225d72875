"""HTTP as it is not meant to be, over a plain socket."""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """What the error envelope holds."""
        assert self.headers["content-type"] == "application/json"
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


def connect(address: str) -> socket.socket:
    """A connection to the server at ``http://host:port``."""
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def ask(address: str, request: bytes) -> Answer:
    """Send these bytes; what the server says to them."""
    with connect(address) as connection, HTTPResponse(connection) as response:
        connection.sendall(request)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
