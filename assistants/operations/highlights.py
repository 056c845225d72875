"""Where a passage has the words of a query, so that a person sees why it was found."""

from collections.abc import Iterator, Sequence

from assistants.retrieval import segments
from assistants.retrieval.chinese import simplified


def highlights(text: str, queries: Sequence[str]) -> list[tuple[int, int]]:
    """The places of the queries' words, in whatever form the index takes for the same: half-open
    ranges of code points, in order, none touching another.
    """
    language = segments.document(text).language
    wanted = {word for query in queries for word in _words(query, language)}
    merged: list[tuple[int, int]] = []
    for start, end in _places(text, wanted, language):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    return merged


def _places(text: str, wanted: set[str], language: str) -> Iterator[tuple[int, int]]:
    for token in segments.TOKEN.finditer(text):
        start, run = token.start(), simplified(token[1] or "")
        if len(run) > 1:
            for at in range(len(run) - 1):
                if run[at : at + 2] in wanted:
                    yield start + at, start + at + 2
        elif wanted.intersection(_words(token[0], language)):
            yield start, token.end()


def _words(text: str, language: str) -> Iterator[str]:
    """As the index has them; stop words only where there is nothing else."""
    return (way.word for ways in segments.query(text, [language]) for way in ways)
