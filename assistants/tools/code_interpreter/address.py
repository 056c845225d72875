"""Where the settings say that the interpreter process is."""

from django.conf import settings

from assistants.tools.code_interpreter.remote import Remote


def address() -> str | Remote:
    """What `client.Interpreter` connects to: INTERPRETER_URL, or the socket on this host."""
    if not settings.INTERPRETER_URL:
        return str(settings.INTERPRETER_SOCKET)
    return Remote(settings.INTERPRETER_URL, settings.INTERPRETER_TOKEN, settings.INTERPRETER_CA)
