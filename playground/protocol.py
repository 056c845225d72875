"""HTTP as the web server reads it."""

import json
import secrets

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from assistants import refusals


class Protocol(HttpToolsProtocol):
    """uvicorn's, which answers in plain text what is not HTTP. Here every refusal is JSON."""

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer and hang up. ``msg`` is uvicorn's, for programmers of servers."""
        body = json.dumps(refusals.NOT_HTTP().to_dict()).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: req_{secrets.token_hex(16)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
