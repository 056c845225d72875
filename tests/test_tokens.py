"""Counting tokens, offline."""

import pytest

from assistants.tokens import count, estimate

TEXT = "The quick brown fox jumps over the lazy dog. "
CHINESE = "今天天氣很好，我們去公園散步吧。"


@pytest.mark.parametrize(
    "model, text, tokens",
    [
        # As bpe-openai counts, with the same vocabularies.
        ("gpt-4o", "hello world", 2),
        ("gpt-4o", TEXT * 10, 101),
        ("gpt-4.1-mini", CHINESE, 13),
        ("gpt-4", "hello world", 2),
        ("gpt-3.5-turbo", CHINESE, 22),
        ("gpt-4o", "<|endoftext|>", 7),
        ("gpt-4o", "", 0),
    ],
)
def test_models_with_a_public_vocabulary_are_counted(model: str, text: str, tokens: int) -> None:
    assert count(text, model) == tokens


@pytest.mark.parametrize("model", ["llama3.2:3b", "deepseek-v3", "mistral-nemo", "phi4", "o3-mini"])
def test_other_vocabularies_are_near_the_estimate(model: str) -> None:
    for text in (TEXT * 20, CHINESE * 20):
        assert 0.4 < count(text, model) / estimate(text) < 1.6


def test_other_models_are_estimated() -> None:
    assert count(CHINESE, "qwen3") == estimate(CHINESE) == 16
