"""What every setting is for: the words of docs/configuration.md, which ``manage.py configuration``
writes. Defaults and limits are those that ``settings`` asks the environment with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from playground.env import Asked

HEAD: Final = """# Configuration

Environment variables, all optional. Each also reads a file: `OPENAI_API_KEY_FILE=/run/secrets/openai`. What cannot be
used is said in one line at the start, and nothing starts; of a name that is close to one of these, and of a key that can be guessed,
`prepare` and `make run` warn. An empty variable counts as one that is not set.

This page is written by `manage.py configuration` from `playground/settings.py`; a test holds it against that.
"""
TAIL: Final = """
The variables of OpenTelemetry's SDK (`OTEL_...`) count too ([traces](operations.md#traces)).
"""


@dataclass(frozen=True)
class Row:
    """One or more settings that are told together, with a space between their names.

    ``default`` says in words what holds without them, where the value that is asked with does not.
    """

    names: str
    text: str
    default: str = ""


ROWS: Final[Mapping[str, tuple[Row, ...]]] = {
    "Where it is": (
        Row("HOST PORT", "where the web server listens"),
        Row(
            "PUBLIC_URL",
            "the address that people use, when it is behind a proxy; with `https://`, cookies are sent over https only",
        ),
        Row(
            "ALLOWED_HOSTS",
            "host names that it answers to, with commas between them",
            "this machine, and the host of `PUBLIC_URL`",
        ),
        Row(
            "FORWARDED_ALLOW_IPS",
            "addresses or networks of proxies whose word counts on who asks, with commas between them ([how](operations.md#behind-a-proxy))",
            "`127.0.0.1` where `PUBLIC_URL` is set",
        ),
        Row(
            "CORS_ALLOWED_ORIGINS",
            "web pages of other origins that may call the API from a browser, for example `http://localhost:5173`, with commas between them; `*` for all, as at OpenAI",
        ),
        Row(
            "RATE_LIMIT_PER_MINUTE", "requests of one API key per minute; 0 for as many as it likes"
        ),
        Row(
            "STRICT_FILES",
            "refuse files as the service did: types that the code interpreter did not take, downloads of what was uploaded for assistants ([where we differ](compatibility.md#where-we-differ))",
        ),
    ),
    "Where things are kept": (
        Row(
            "DATA_DIR",
            "everything that is kept: database, files, search index, generated secret key",
            "`./var`",
        ),
        Row(
            "RUNTIME_DIR",
            "Unix sockets; a short private folder when that path would be too long for one",
            "`DATA_DIR/run`",
        ),
        Row(
            "DATABASE_URL",
            "for example `postgresql://user:password@host/name` ([what it needs](operations.md#postgresql))",
            "SQLite in `DATA_DIR`",
        ),
        Row(
            "DATABASE_CONNECTIONS",
            "how many connections to PostgreSQL one process may have, 12 or more",
        ),
        Row("REDIS_URL", "for example `redis://host:6379/0`", "a Redis of its own"),
        Row(
            "S3_BUCKET",
            "a bucket of S3-compatible storage, which the files are kept in instead of `DATA_DIR` ([how](operations.md#files-on-object-storage))",
        ),
        Row(
            "S3_PREFIX",
            "what the keys of the files in it begin with, where the bucket has other things too",
        ),
        Row(
            "S3_ENDPOINT S3_REGION",
            "where it is, if not at Amazon: `https://s3.example.com`; and its region",
            "Amazon's, the SDK's",
        ),
        Row(
            "S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY",
            "what opens it; without them the SDK looks where it always does: its own variables and files, the role of the machine",
        ),
        Row(
            "S3_ADDRESSING",
            "how addresses name the bucket: `path` for `https://host/bucket`, `virtual` for `https://bucket.host`",
            "`path` with `S3_ENDPOINT`, else `virtual`",
        ),
    ),
    "Keys and sign-in": (
        Row("SECRET_KEY", "signs sessions", "made once, kept in `DATA_DIR`"),
        Row(
            "PLAYGROUND_API_KEY",
            "an API key that is valid from the start, for scripts and containers",
        ),
        Row(
            "PLAYGROUND_LOGIN_TOKEN",
            "`/login?token=` signs the owner in; a made one works once, one given here as long as it is set",
            "made at each start, printed",
        ),
        Row("LOGIN_LINK_HOURS", "how long a link is good whose token was made"),
        Row(
            "OIDC_ISSUER",
            "the address of an identity provider that speaks OpenID Connect: people can sign in there ([how](people.md#single-sign-on))",
        ),
        Row(
            "OIDC_CLIENT_ID OIDC_CLIENT_SECRET",
            "what this server is called there, and what it shows; they go with `OIDC_ISSUER`",
        ),
        Row("OIDC_NAME", "what the button on the sign-in page calls it", "its host"),
        Row(
            "OIDC_PROJECT OIDC_ROLE",
            "the id of a project that takes in everybody who can sign in there, and as what; else only those whose address was invited",
        ),
    ),
    "Chat models": (
        Row(
            "OPENAI_API_KEY OPENAI_BASE_URL",
            "a provider: OpenAI, or any server that speaks its Chat Completions",
        ),
        Row(
            "AZURE_OPENAI_ENDPOINT AZURE_OPENAI_API_KEY OPENAI_API_VERSION",
            "an Azure OpenAI provider; a model is the name of a deployment",
        ),
        Row(
            "PLAYGROUND_MODELS",
            "the models that are offered, with commas between them",
            "what the provider lists",
        ),
        Row(
            "PLAYGROUND_MODEL_WINDOWS",
            "how many tokens a model can take in: `llama3=8192,qwen3=32768`",
            "by the models' names",
        ),
        Row(
            "CHAT_CONNECT_SECONDS CHAT_FIRST_TOKEN_SECONDS CHAT_SILENCE_SECONDS",
            "how long a provider may take to be connected to, to begin an answer, and between two pieces of one",
        ),
        Row(
            "CHAT_RETRIES CHAT_RETRY_SECONDS",
            "how often a provider that fails before it has said anything is asked again, and the longest wait that it may ask for",
        ),
    ),
    "File search": (
        Row(
            "EMBEDDING_MODEL",
            "an embedding model, such as `text-embedding-3-small`: files are then found by their meaning too ([how](retrieval.md#meaning))",
        ),
        Row(
            "EMBEDDING_BASE_URL EMBEDDING_API_KEY",
            "where it is asked, if not there; a key goes only to the address that it was given for",
            "the chat provider's",
        ),
        Row(
            "EMBEDDING_DIMENSIONS",
            "how many numbers its vectors are to have, for models that let one choose; `0` for all",
            "what it gives",
        ),
        Row(
            "EMBEDDING_LANGUAGES",
            "the languages that it knows, such as `english,chinese`, or `all`",
            "by the model's name",
        ),
        Row("EMBEDDING_BATCH", "texts in one request"),
        Row(
            "EMBEDDING_SECONDS EMBEDDING_QUERY_SECONDS",
            "how long it may be silent for files, and how long a search waits for it",
        ),
        Row(
            "RERANK_MODEL",
            "has what a search finds put in order once more, by this chat model, or by this cross-encoder at `RERANK_BASE_URL` ([how](retrieval.md#reranking))",
        ),
        Row(
            "RERANK_BASE_URL RERANK_API_KEY",
            "a server with `/rerank`, such as vLLM, Text Embeddings Inference, Jina or Cohere: `https://api.jina.ai/v1`",
        ),
        Row(
            "RERANK_PASSAGES RERANK_SECONDS",
            "how many passages it reads, and how long a search waits for it",
        ),
        Row(
            "REWRITE_MODEL REWRITE_SECONDS",
            "who writes other words for queries where that is asked for, and how long a search waits for it",
            "the first chat model, `8`",
        ),
    ),
    "Runs": (
        Row(
            "WORKER_RUNS PROJECT_RUNS",
            "how many runs are under way at once, and of those in one project (0: no limit); more wait in the queue, the oldest goes next",
        ),
        Row(
            "WORKER_GRACE_SECONDS",
            "how long running runs may go on once the worker is told to stop; then those of which nothing was seen go back to the queue, the others fail and keep what was written",
        ),
    ),
    "The code interpreter": (
        Row(
            "SANDBOX_PYTHON",
            "the Python that the code interpreter's kernels run",
            "`.sandbox-venv/bin/python`",
        ),
        Row(
            "INTERPRETER_CALL_SECONDS",
            "how long one call of the code interpreter may run; then it is interrupted and keeps its variables",
        ),
        Row(
            "INTERPRETER_URL",
            "where the code interpreter is on another: `https://host:8443` ([how](interpreter.md#on-another-host))",
            "a process on this host",
        ),
        Row(
            "INTERPRETER_TOKEN",
            "what lets this server in there; goes with `INTERPRETER_URL`, neither without the other",
        ),
        Row(
            "INTERPRETER_CA",
            "a file with the certificates, in PEM, of who signed that host's; only with `INTERPRETER_URL`",
            "what the system trusts",
        ),
    ),
    "For how long things are kept": (
        Row(
            "AUDIT_DAYS", "how long that is kept in the database, for the owners' page; 0 for ever"
        ),
        Row(
            "THREAD_DAYS",
            "threads in which nothing was done for so long are deleted, with their messages and runs; 0 for never ([more](operations.md#what-is-deleted-by-itself))",
        ),
        Row("FILE_DAYS", "files that are so old, and that nothing uses, are deleted; 0 for never"),
        Row(
            "EVENT_DAYS",
            "how long Redis keeps the events of a silent thread for readers that come back; then they are told from the database",
        ),
    ),
    "What is told": (
        Row(
            "METRICS_TOKEN",
            "opens `/metrics` for Prometheus, as `Authorization: Bearer ...`; without one there is nothing there",
        ),
        Row(
            "METRICS_PORT METRICS_HOST",
            "where a process that is started alone answers `/metrics`, `/healthz` and `/readyz` ([more](operations.md#metrics)); port 0 for nowhere",
        ),
        Row(
            "AUDIT_LOG",
            "a file that gets a line of JSON for each thing that somebody created, changed or deleted, or `-` for the standard error ([which](operations.md#audit))",
        ),
        Row("LOG_LEVEL LOG_FORMAT", "`debug`, `info`, `warning`, `error`; `json` for containers"),
        Row("DEBUG", "for work on the pages: error pages with details, static files as they are"),
    ),
}


class Missing(Exception):
    """Settings without words, or words without settings."""


def page(asked: Mapping[str, Asked]) -> str:
    """The page, in Markdown.

    :param asked: what ``settings`` has asked for
    :raises Missing: the two do not agree
    """
    told = [name for rows in ROWS.values() for row in rows for name in row.names.split()]
    if different := set(told) ^ set(asked):
        raise Missing(", ".join(sorted(different)))
    return HEAD + "".join(_part(title, asked) for title in ROWS) + TAIL


def _part(title: str, asked: Mapping[str, Asked]) -> str:
    lines = "".join(_lines(ROWS[title], asked))
    return f"\n## {title}\n\n| name | default | limits | what it is |\n|---|---|---|---|\n{lines}"


def _lines(rows: tuple[Row, ...], asked: Mapping[str, Asked]) -> Iterator[str]:
    for row in rows:
        names = row.names.split()
        shown = ", ".join(f"`{name}`" for name in names)
        defaults = [f"`{asked[name].default}`" if asked[name].default else "none" for name in names]
        default = row.default or _together(defaults)
        limits = _together([asked[name].limits for name in names])
        yield f"| {shown} | {default} | {limits} | {row.text} |\n"


def _together(values: list[str]) -> str:
    """What several settings have, told once where it is the same."""
    if len(set(values)) == 1:
        return values[0]
    return ", ".join(value or "any" for value in values)
