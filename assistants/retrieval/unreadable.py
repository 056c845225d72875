"""The one error of reading a file."""

from typing import Literal

Code = Literal["unsupported_file", "invalid_file", "server_error"]


class Unreadable(Exception):
    """A file cannot be read; ``message`` is a sentence for the person who uploaded it.

    The codes are those of a vector store file's ``last_error``: not a type that is searched, a file
    that is not what its name says or too much to read, a fault of this server.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
