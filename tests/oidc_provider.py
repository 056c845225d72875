"""An identity provider for tests: a loopback server that speaks OpenID Connect over real HTTP.

It signs in whoever ``person`` says, without asking: the page for that is no part of the protocol.
What it is told to do wrong (``faults``), it does.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "playground", "client secret"


@dataclass
class Provider:
    """
    :ivar person: the claims of who signs in
    :ivar faults: claims of the token that are to be otherwise, and ``key``: signed by another's;
        ``userinfo``: tells of somebody else
    :ivar asked: the parameters of each visit to its sign-in page
    """

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    in_userinfo: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.faults.get("calls_itself", self.url),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
        }

    def keys(self) -> dict[str, Any]:
        key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**key, "kid": "one", "alg": "RS256", "use": "sig"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        self.asked.append(query)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The tokens for a code, once; None for whoever is not the client that asked for it."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if (
            asked is None
            or authorization != f"Basic {basic}"
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return None
        now = int(time.time())
        told = {"sub": self.person["sub"]} if self.in_userinfo else self.person
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **told,
            **{name: value for name, value in self.faults.items() if name in CLAIMS},
        }
        key = self.faults.get("key", self.key)
        algorithm = "HS256" if isinstance(key, str) else "RS256"
        signed = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "one"})
        return {"access_token": "access", "token_type": "Bearer", "id_token": signed}

    def userinfo(self) -> dict[str, Any]:
        return {**self.person, **self.faults.get("userinfo", {})}


CLAIMS = {"iss", "aud", "exp", "nonce", "azp"}


@contextmanager
def provider() -> Iterator[Provider]:
    """One that runs for as long as the block does."""
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            match parts.path:
                case "/.well-known/openid-configuration":
                    self.say(told.discovery())
                case "/keys":
                    self.say(told.keys())
                case "/authorize":
                    self.send_response(302)
                    self.send_header("Location", told.authorize(query))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                case "/userinfo":
                    known = self.headers["Authorization"] == "Bearer access"
                    self.say(told.userinfo() if known else {}, 200 if known else 401)
                case _:
                    self.say({}, 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            tokens = told.token(form, self.headers.get("Authorization", ""))
            self.say(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)

        def say(self, what: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
