"""What is made piece by piece, as the body of a response of an asynchronous server: Django would
gather a plain iterator's pieces first.
"""

from collections.abc import AsyncGenerator, Generator

from asgiref.sync import sync_to_async

from playground.readers import Reader


async def streamed(pieces: Generator[bytes, None, None], reader: Reader) -> AsyncGenerator[bytes]:
    """The pieces, each made when the one before it was sent, for this reader."""

    def one() -> bytes | None:
        with reader.in_force():
            return next(pieces, None)

    try:
        while (piece := await sync_to_async(one)()) is not None:
            if piece:
                yield piece
    finally:
        await sync_to_async(pieces.close)()
