"""The settings of the tests: the product's, in a folder of their own, from a clean environment."""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests import object_store, postgres

# Nothing that the person running the tests has set may change them.
for name in list(os.environ):
    if name.startswith(
        (
            "OPENAI_",
            "AZURE_OPENAI_",
            "PLAYGROUND_",
            "CHAT_",
            "EMBEDDING_",
            "RERANK_",
            "REWRITE_",
            "DATABASE_",
            "OIDC_",
            "REDIS_URL",
            "S3_",
        )
    ):
        del os.environ[name]
for name in (
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "FORWARDED_ALLOW_IPS",
    "SECRET_KEY",
    "RUNTIME_DIR",
    "DEBUG",
):
    os.environ.pop(name, None)
for name in (
    "CORS_ALLOWED_ORIGINS",
    "RATE_LIMIT_PER_MINUTE",
    "STRICT_FILES",
):
    os.environ.pop(name, None)

_folder = Path(tempfile.mkdtemp(prefix="playground-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
if postgres.is_wanted():
    _running = ExitStack()
    atexit.register(_running.close)
    os.environ["DATABASE_URL"] = postgres.url_of(
        _running.enter_context(postgres.server()).folder, "tests"
    )
if object_store.is_wanted():
    _storing = ExitStack()
    atexit.register(_storing.close)
    os.environ |= object_store.environment(_storing.enter_context(object_store.server()))
os.environ["CHAT_RETRIES"] = "1"  # asking again is tested where it matters
os.environ["DATA_DIR"] = str(_folder)
for name in ("files", "tmp", "run", "run/metrics"):
    (_folder / name).mkdir(mode=0o700)

from playground.settings import *  # noqa: E402, F403
from playground.settings import DATABASES  # noqa: E402

# Nobody guesses these: the product's way takes half a second for each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if not postgres.is_wanted():
    # On disk, so that several threads and connections see one database, as they do in the product.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}

from playground import catalogs  # noqa: E402
from playground.settings import CATALOGS, LOCALE_PATHS  # noqa: E402

catalogs.compile_all(CATALOGS, LOCALE_PATHS[0])
