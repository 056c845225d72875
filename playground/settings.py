"""All settings. What a person can set is an environment variable, optional, told in
playground/configuration.py, from which docs/configuration.md is written.
"""

import hashlib
import os
import secrets
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url

from assistants.retrieval import spoken
from playground import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where things are kept ------------------------------------------------------------------------

DATA_DIR = env.path("DATA_DIR", BASE_DIR / "var")
FILES_ROOT = DATA_DIR / "files"
INDEX_ROOT = DATA_DIR / "index"
# Static files and translations as `manage.py assets` has made them, in an image; else `make run`
# makes them, in DATA_DIR.
ASSETS_DIR = BASE_DIR / "built"
HAS_ASSETS = ASSETS_DIR.is_dir()
_assets = ASSETS_DIR if HAS_ASSETS else DATA_DIR


def _runtime_dir() -> Path:
    """The folder of our Unix sockets: below DATA_DIR, or a short private one when that is too long,
    or has a character that means something else in REDIS_URL.

    The address of a Unix socket may have 107 bytes on Linux, 103 on macOS (``sun_path``); 40 are
    left for names.
    """
    folder = DATA_DIR / "run"
    if len(bytes(folder)) <= 60 and not set("#?%+") & set(str(folder)):
        return folder
    digest = hashlib.sha256(bytes(DATA_DIR)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"playground-{digest}"


RUNTIME_DIR = env.path("RUNTIME_DIR", _runtime_dir())
METRICS_DIR = RUNTIME_DIR / "metrics"
if METRICS_DIR.is_dir():
    # The library takes the folder from the environment, when it is first imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)
METRICS_TOKEN = env.bearer("METRICS_TOKEN")
# Where a worker and beat tell of themselves; 0 for nowhere.
METRICS_PORT = env.integer("METRICS_PORT", 0, 0, 65535)
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
INTERPRETER_SOCKET = str(RUNTIME_DIR / "interpreter.sock")
# Where the code interpreter is, if it is not on this host; else there is a process of our own.
INTERPRETER_URL = env.origin("INTERPRETER_URL", "https")
INTERPRETER_TOKEN = env.bearer("INTERPRETER_TOKEN")
INTERPRETER_CA = env.certificates("INTERPRETER_CA")
if INTERPRETER_URL and not INTERPRETER_TOKEN:
    raise env.BadSetting("INTERPRETER_URL needs INTERPRETER_TOKEN, or INTERPRETER_TOKEN_FILE.")
if (INTERPRETER_TOKEN or INTERPRETER_CA) and not INTERPRETER_URL:
    raise env.BadSetting(
        "INTERPRETER_TOKEN and INTERPRETER_CA are for an interpreter on another host: they need "
        "INTERPRETER_URL."
    )
# A call that runs for longer is interrupted; its variables stay.
INTERPRETER_CALL_SECONDS = env.integer("INTERPRETER_CALL_SECONDS", 120, 1, 3600)
SANDBOX_PYTHON = env.path("SANDBOX_PYTHON", BASE_DIR / ".sandbox-venv" / "bin" / "python")

# --- Address --------------------------------------------------------------------------------------

HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, 1, 65535)
PUBLIC_URL = env.origin("PUBLIC_URL", "http", "https")

_public_host = PUBLIC_URL.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS") or sorted(
    {"localhost", "127.0.0.1", "[::1]", _public_host, HOST if HOST != "0.0.0.0" else ""} - {""}  # noqa: S104
)
# Proxies whose word counts on who asks, and whether by https; `*` for all. None where nothing says
# that there is one: anybody can send such headers.
FORWARDED_ALLOW_IPS = env.proxies("FORWARDED_ALLOW_IPS", "127.0.0.1" if PUBLIC_URL else "")
CSRF_TRUSTED_ORIGINS = ["/".join(PUBLIC_URL.split("/", 3)[:3])] if PUBLIC_URL else []
BEHIND_PROXY = bool(FORWARDED_ALLOW_IPS)

CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
STRICT_FILES = env.boolean("STRICT_FILES", False)
RATE_LIMIT_PER_MINUTE = env.integer("RATE_LIMIT_PER_MINUTE", 0, 0, 1_000_000)

# --- Keys, sign-in --------------------------------------------------------------------------------


def _secret_key() -> str:
    """The key given, else the one ``make run`` keeps in DATA_DIR, else one for this process."""
    given = env.text("SECRET_KEY")
    kept = DATA_DIR / "secret_key"
    if given or not kept.is_file():
        return given or secrets.token_urlsafe(50)
    return kept.read_text(encoding="ascii").strip()


SECRET_KEY = _secret_key()
PLAYGROUND_API_KEY = env.bearer("PLAYGROUND_API_KEY")
PLAYGROUND_LOGIN_TOKEN = env.text("PLAYGROUND_LOGIN_TOKEN")
# A printed link lies in logs and terminals.
LOGIN_LINK_HOURS = env.integer("LOGIN_LINK_HOURS", 24, 1, 720)
AUTH_USER_MODEL = "auth.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "playground.login.LoginTokenBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"

# Whoever guesses is stopped: so many wrong tries for one name from one address, or some more for
# any names, then a pause. Kept in the database, so that all web servers count together. See
# playground/throttle.py.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = "playground.throttle.counted_by"
AXES_USERNAME_CALLABLE = "playground.throttle.tried_name"
AXES_CLIENT_IP_CALLABLE = "playground.throttle.counted_at"
AXES_LOCKOUT_CALLABLE = "playground.throttle.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_SENSITIVE_PARAMETERS = [
    *("token", "username", "next", "code", "state"),
    *("old_password", "new_password1", "new_password2", "csrfmiddlewaretoken"),
]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# An identity provider that speaks OpenID Connect; see playground/single_sign_on.py.
OIDC_ISSUER = env.url("OIDC_ISSUER", ["https", "http"])
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
OIDC_NAME = env.text("OIDC_NAME", OIDC_ISSUER.partition("://")[2].partition("/")[0])
OIDC_PROJECT = env.text("OIDC_PROJECT")
OIDC_ROLE = env.choice("OIDC_ROLE", "viewer", ["owner", "editor", "viewer"])
if bool(OIDC_ISSUER) != bool(OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
    raise env.BadSetting(
        "OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together: set all three or none."
    )
if OIDC_ISSUER:
    AUTHENTICATION_BACKENDS.append("playground.single_sign_on.Backend")

# --- Chat models ----------------------------------------------------------------------------------

OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.url("OPENAI_BASE_URL", ["http", "https"])
AZURE_OPENAI_ENDPOINT = env.url("AZURE_OPENAI_ENDPOINT", ["http", "https"])
AZURE_OPENAI_API_KEY = env.text("AZURE_OPENAI_API_KEY")
OPENAI_API_VERSION = env.text("OPENAI_API_VERSION")
PLAYGROUND_MODELS = env.words("PLAYGROUND_MODELS")
PLAYGROUND_MODEL_WINDOWS = env.numbers("PLAYGROUND_MODEL_WINDOWS", 64, 100_000_000)

# How many runs are under way at once in the worker, and of those in one project; more wait in the
# queue. A worker that is told to stop gives running ones so many seconds to end by themselves.
WORKER_RUNS = env.integer("WORKER_RUNS", 400, 1, 10_000)
PROJECT_RUNS = env.integer("PROJECT_RUNS", 300, 0, 10_000)
WORKER_GRACE_SECONDS = env.integer("WORKER_GRACE_SECONDS", 8, 0, 3600)

CHAT_CONNECT_SECONDS = env.integer("CHAT_CONNECT_SECONDS", 10, 1, 600)
CHAT_FIRST_TOKEN_SECONDS = env.integer("CHAT_FIRST_TOKEN_SECONDS", 180, 1, 3600)
CHAT_SILENCE_SECONDS = env.integer("CHAT_SILENCE_SECONDS", 120, 1, 3600)
CHAT_RETRIES = env.integer("CHAT_RETRIES", 3, 0, 20)
CHAT_RETRY_SECONDS = env.integer("CHAT_RETRY_SECONDS", 60, 0, 600)

# --- Embeddings -----------------------------------------------------------------------------------

# Without a model, files are searched by their words alone. It is asked at the provider above unless
# it has an address of its own. A key goes only to where it was given for.
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL")
EMBEDDING_BASE_URL = env.url("EMBEDDING_BASE_URL", ["http", "https"])
EMBEDDING_API_KEY = env.text("EMBEDDING_API_KEY")
EMBEDDING_DIMENSIONS = env.integer("EMBEDDING_DIMENSIONS", 0, 0, 16_384)
EMBEDDING_LANGUAGES = env.some("EMBEDDING_LANGUAGES", ["all", *spoken.NAMES])
EMBEDDING_BATCH = env.integer("EMBEDDING_BATCH", 32, 1, 2048)
EMBEDDING_SECONDS = env.integer("EMBEDDING_SECONDS", 60, 1, 3600)
EMBEDDING_QUERY_SECONDS = env.integer("EMBEDDING_QUERY_SECONDS", 3, 1, 600)
RERANK_MODEL = env.text("RERANK_MODEL")
RERANK_BASE_URL = env.url("RERANK_BASE_URL", ["http", "https"])
RERANK_API_KEY = env.text("RERANK_API_KEY")
RERANK_PASSAGES = env.integer("RERANK_PASSAGES", 50, 2, 200)
RERANK_SECONDS = env.integer("RERANK_SECONDS", 5, 1, 120)
REWRITE_MODEL = env.text("REWRITE_MODEL")
REWRITE_SECONDS = env.integer("REWRITE_SECONDS", 8, 1, 120)
if len(EMBEDDING_MODEL) > 200:
    raise env.BadSetting("EMBEDDING_MODEL is longer than the name of any model.")
if EMBEDDING_MODEL and not (
    EMBEDDING_BASE_URL or OPENAI_API_KEY or OPENAI_BASE_URL or AZURE_OPENAI_ENDPOINT
):
    raise env.BadSetting(
        "EMBEDDING_MODEL needs a provider: set EMBEDDING_BASE_URL, OPENAI_API_KEY, OPENAI_BASE_URL "
        "or AZURE_OPENAI_ENDPOINT too."
    )

# --- Application ----------------------------------------------------------------------------------

DEBUG = env.boolean("DEBUG", False)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "qsessions",
    "axes",
    "django_htmx",
    "ninja",
    "assistants",
    "playground",
]

MIDDLEWARE = [
    "playground.shared_access.HeadersMiddleware",
    "assistants.api.middleware.ApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "playground.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "playground.sessions.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "playground.timezones.TimezoneMiddleware",
    "playground.actors.ActorMiddleware",
    "playground.spans.SpanMiddleware",
    "playground.refusals.StorageAwayMiddleware",
    "playground.refusals.TooLargeMiddleware",
    "playground.refusals.NotAllowedMiddleware",
    "playground.refusals.NullMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "playground.urls"
ASGI_APPLICATION = "playground.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "playground.context.studio",
            ],
        },
    },
]

TIME_ZONE = "UTC"
USE_TZ = True

# --- Languages ------------------------------------------------------------------------------------

# The browser's, until another is chosen. See `_assets` for where locale/ is compiled to.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hant", "繁體中文")]
USE_I18N = True
CATALOGS = BASE_DIR / "locale"
LOCALE_PATHS = [_assets / "locale"]
FORMAT_MODULE_PATH = "playground.formats"

# --- Database -------------------------------------------------------------------------------------

# Of one process, to PostgreSQL. The web server and the worker have some thirty threads each. Eight
# of the worker's keep theirs, so that with fewer its others would wait in vain.
DATABASE_CONNECTIONS = env.integer("DATABASE_CONNECTIONS", 32, 12, 1000)


def _database() -> dict[str, Any]:
    """DATABASE_URL, else SQLite in DATA_DIR.

    Connections to PostgreSQL come from a pool of the process, and go back to it when the request or
    the task is over; so Django itself keeps none (``CONN_MAX_AGE`` 0, which the pool asks for).
    Each is tried before it is given out: after a restart of PostgreSQL all that it holds are dead.
    While PostgreSQL is away, the pool waits longer and longer before it tries again; after 4 s it
    gives up, and whoever comes next has it try at once.

    SQLite writes through a write-ahead log, so that readers never wait for a writer. Every
    transaction takes the write lock at its start (IMMEDIATE): one that begins by reading cannot
    then fail to upgrade, it waits its turn.
    """
    url = env.text("DATABASE_URL")
    try:
        database: dict[str, Any] = {**dj_database_url.parse(url or "sqlite://")}
    except dj_database_url.UnknownSchemeError:
        database = {"ENGINE": ""}
    except ValueError as error:
        raise env.BadSetting(f"DATABASE_URL cannot be read: {error}") from error
    if not database["ENGINE"].startswith("django.db.backends.") or not database["ENGINE"].endswith(
        ("sqlite3", "postgresql")
    ):
        raise env.BadSetting(
            "DATABASE_URL names neither PostgreSQL nor SQLite: set it as in "
            "postgresql://user:password@host/name, or leave it out for SQLite in DATA_DIR."
        )
    if not url:  # a path is no part of an address: it may have any character
        database["NAME"] = str(DATA_DIR / "database.sqlite3")
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"].endswith("sqlite3"):
        database["ENGINE"] = "playground.sqlite"
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL;"
                "PRAGMA synchronous=NORMAL;"
                "PRAGMA journal_size_limit=67108864;"
                "PRAGMA mmap_size=134217728;"
                "PRAGMA temp_store=MEMORY;"
            ),
        }
    elif database["ENGINE"].endswith("postgresql"):
        options["pool"] = {
            "min_size": 0,
            "max_size": DATABASE_CONNECTIONS,
            "timeout": 10,
            "reconnect_timeout": 4,
        }
        database["CONN_MAX_AGE"] = 0
        database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: broker, event log, control flags ------------------------------------------------------

REDIS_URL = env.url(
    "REDIS_URL", ["redis", "rediss", "unix"], f"unix://{RUNTIME_DIR / 'redis.sock'}"
)


def _broker_url() -> str:
    """REDIS_URL as Celery writes it: ``redis+socket:``, and ``virtual_host`` instead of ``db``."""
    if not REDIS_URL.startswith("unix://"):
        return REDIS_URL
    return "redis+socket" + REDIS_URL.removeprefix("unix").replace("?db=", "?virtual_host=")


CELERY_BROKER_URL = _broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker does not end because Redis is away for long, or takes nothing since the disk is full: the
# runs that it executes need neither.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
# They are over at once: a run is not a task (see assistants/tasks.py).
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
# Whoever begins a run does not wait for a broker that hangs: the sweep rings again.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}
# Tasks hand their run to the worker's own event loop and return at once, so a few threads are
# plenty.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 8
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    # A sweep that could not be done in time is dropped: the next one does its work.
    "sweep": {"task": "assistants.tasks.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "retention": {
        "task": "assistants.tasks.delete_what_is_over",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "orphaned sessions": {
        "task": "assistants.tasks.close_orphaned_sessions",
        "schedule": 3600.0,
        "options": {"expires": 600},
    },
}

# --- Kept pages -----------------------------------------------------------------------------------

# HTML of messages and runs that are over, kept per process: see playground/fragments.py.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "TIMEOUT": 3600,
        "OPTIONS": {"MAX_ENTRIES": 4000},
    }
}

# --- Uploads --------------------------------------------------------------------------------------

# What a whole request may have, see playground/body_limit.py. With a file: the largest that the
# Files API takes, 512 MB (https://platform.openai.com/docs/api-reference/files), and its form.
# Without one: a little more than DATA_UPLOAD_MAX_MEMORY_SIZE, which gives the better answer.
MAX_UPLOAD_BYTES = 513 * 1024 * 1024
MAX_BODY_BYTES = 17 * 1024 * 1024
# Straight to disk, where the file storage is on one next to it, so that keeping it is a rename.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR / "tmp") if (DATA_DIR / "tmp").is_dir() else None
FILE_UPLOAD_PERMISSIONS = 0o600
# A web server that stops lets requests that it has go on for so long; event streams end at once.
WEB_GRACE_SECONDS = 20
# A request body that is not a file: 512 messages' worth of text in one "create thread and run".
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

# --- File storage ---------------------------------------------------------------------------------

# Uploads and what code makes: in DATA_DIR, or in a bucket of S3-compatible storage. Without keys
# the SDK looks where it always does: AWS_ variables, its own files, the role of the machine.
S3_BUCKET = env.text("S3_BUCKET")
S3_PREFIX = env.text("S3_PREFIX").strip("/")
S3_ENDPOINT = env.url("S3_ENDPOINT", ["https", "http"])
S3_REGION = env.text("S3_REGION")
S3_ACCESS_KEY_ID = env.text("S3_ACCESS_KEY_ID")
S3_SECRET_ACCESS_KEY = env.text("S3_SECRET_ACCESS_KEY")
# In an address: https://host/bucket, or https://bucket.host.
S3_ADDRESSING = env.choice(
    "S3_ADDRESSING", "path" if S3_ENDPOINT else "virtual", ["path", "virtual"]
)
if not S3_BUCKET and (S3_PREFIX or S3_ENDPOINT or S3_ACCESS_KEY_ID or S3_SECRET_ACCESS_KEY):
    raise env.BadSetting("S3_BUCKET is missing: the other settings of S3 are for it.")
if bool(S3_ACCESS_KEY_ID) != bool(S3_SECRET_ACCESS_KEY):
    raise env.BadSetting("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together.")


def _file_storage() -> dict[str, Any]:
    if not S3_BUCKET:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": FILES_ROOT},
        }
    return {
        "BACKEND": "assistants.object_storage.ObjectStorage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "location": S3_PREFIX,
            "endpoint_url": S3_ENDPOINT or None,
            "region_name": S3_REGION or None,
            "access_key": S3_ACCESS_KEY_ID or None,
            "secret_key": S3_SECRET_ACCESS_KEY or None,
            "addressing_style": S3_ADDRESSING,
        },
    }


# --- Static files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = _assets / "static"
COLLECTED_STAMP = STATIC_ROOT / "collected.stamp"
STATICFILES_DIRS = [BASE_DIR / "static"]
# `make run` collects them under names with their hash, to be cached for ever. Tests, and DEBUG=yes
# for work on the pages, take them as they are.
_collected = not DEBUG and STATIC_ROOT.is_dir()
WHITENOISE_USE_FINDERS = not _collected
STORAGES: dict[str, dict[str, Any]] = {
    "default": _file_storage(),
    "staticfiles": {
        "BACKEND": (
            "playground.static_files.ModulesStorage"
            if _collected
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# --- Security -------------------------------------------------------------------------------------

_https = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# "check --deploy" would have more, which is not this server's to decide: what other names of the
# domain do (W005, W021), and a redirect to https (W008), which is the proxy's that speaks it. Who
# comes in behind the proxy, such as a probe, speaks http. What follows from PUBLIC_URL is told by
# that name, in playground/checks.py, and not by Django's (W004, W012, W016).
SILENCED_SYSTEM_CHECKS = [
    *("security.W005", "security.W008", "security.W021"),
    *("security.W004", "security.W012", "security.W016"),
]
# Cookies know no ports: names of our own keep two programs on one host apart.
SESSION_COOKIE_NAME = "playground_session"
SESSION_ENGINE = "qsessions.backends.db"
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "playground.refusals.csrf_failure"
CSRF_COOKIE_NAME = "playground_csrf"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_NAME = "playground_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE = _https
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

# --- Who did what, and how long things are kept ---------------------------------------------------

# For so long it is kept in the database; 0 for ever. As lines of JSON it goes to the file, or to
# the standard error with "-".
AUDIT_DAYS = env.integer("AUDIT_DAYS", 365, 0, 36_500)
AUDIT_LOG = env.text("AUDIT_LOG")
# What nobody has used for so long goes, see assistants/operations/retention.py; 0 for never. Events
# are kept for those who read them late, and can all be told again from the database.
THREAD_DAYS = env.integer("THREAD_DAYS", 0, 0, 36_500)
FILE_DAYS = env.integer("FILE_DAYS", 0, 0, 36_500)
EVENT_DAYS = env.integer("EVENT_DAYS", 7, 1, 365)
if AUDIT_LOG not in ("", "-") and not Path(AUDIT_LOG).absolute().parent.is_dir():
    raise env.BadSetting(f"AUDIT_LOG={AUDIT_LOG}: there is no such folder.")


def _audit_handler() -> dict[str, Any]:
    """Where the lines go. A file that was moved away (logrotate) is begun anew."""
    if AUDIT_LOG in ("", "-"):
        return {"class": "logging.StreamHandler" if AUDIT_LOG else "logging.NullHandler"}
    return {
        "class": "logging.handlers.WatchedFileHandler",
        "filename": AUDIT_LOG,
        "delay": True,
        "encoding": "utf-8",
    }


# --- Logging --------------------------------------------------------------------------------------

# Read by OpenTelemetry's SDK, which says what is wrong with them when the first span is sent.
for _name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
    env.check_address(_name)

LOG_LEVEL = env.choice("LOG_LEVEL", "info", ["debug", "info", "warning", "error"]).upper()
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ["text", "json"])
LOGGING_CONFIG = "playground.logs.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "playground.logs.TextFormatter"},
        "json": {"()": "playground.logs.JsonFormatter"},
    },
    "filters": {
        "no_probes": {"()": "playground.logs.NoProbes"},
        "one_line": {"()": "playground.logs.OneLine"},
        "no_stack": {"()": "playground.logs.NoStack"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["one_line"],
        },
        "audit": _audit_handler(),
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "assistants": {"level": LOG_LEVEL},
        "playground": {"level": LOG_LEVEL},
        "audit": {
            "handlers": ["audit"],
            "level": "INFO" if AUDIT_LOG else "CRITICAL",
            "propagate": False,
        },
        # What clients do wrong, they are told; metrics count it.
        "django.request": {"level": "ERROR", "filters": ["no_probes"]},
        # What it says has a line of its own, in playground/throttle.py.
        "axes": {"level": "ERROR"},
        "celery.beat": {"filters": ["no_stack"]},
        "celery": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
        "uvicorn": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
    },
}
