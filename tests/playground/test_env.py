"""Settings from the environment: typed, from files too, loud when wrong."""

from pathlib import Path

import pytest

from playground import env
from playground.env import BadSetting


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("SAMPLE", raising=False)
    monkeypatch.delenv("SAMPLE_FILE", raising=False)
    return "SAMPLE"


def test_an_unset_or_empty_variable_gives_the_default(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert env.text(name, "default") == "default"
    monkeypatch.setenv(name, "  ")
    assert env.text(name, "default") == "default"
    assert env.integer(name, 5, 1, 9) == 5
    assert env.words(name) == []


def test_a_secret_is_read_from_the_file_that_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    assert env.text(name) == "s3cret"


def test_a_file_that_is_missing_or_empty_is_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    with pytest.raises(BadSetting, match=r"SAMPLE_FILE=.* cannot be read"):
        env.text(name)
    (tmp_path / "secret").touch()
    with pytest.raises(BadSetting, match="is empty"):
        env.text(name)


def test_a_value_and_a_file_at_once_are_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, "one")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path))
    with pytest.raises(BadSetting, match="are both set"):
        env.text(name)


@pytest.mark.parametrize("value", ["eight", "8.5", "0", "65536"])
def test_what_is_no_number_in_range_is_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=f"SAMPLE={value} is not"):
        env.integer(name, 8000, 1, 65535)


@pytest.mark.parametrize(
    "value, meaning", [("1", True), ("Yes", True), ("on", True), ("FALSE", False), ("0", False)]
)
def test_yes_and_no_are_read_in_their_usual_forms(
    name: str, monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool
) -> None:
    monkeypatch.setenv(name, value)
    assert env.boolean(name, not meaning) is meaning


def test_what_is_neither_yes_nor_no_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "maybe")
    with pytest.raises(BadSetting, match="neither yes nor no"):
        env.boolean(name, True)


def test_a_list_has_commas_between_its_items(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "gpt-4o, , demo,")
    assert env.words(name) == ["gpt-4o", "demo"]


def test_an_address_has_one_of_the_schemes_and_no_slash_at_its_end(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://localhost:11434/v1/")
    assert env.url(name, ["http", "https"]) == "http://localhost:11434/v1"
    monkeypatch.setenv(name, "localhost:11434")
    with pytest.raises(BadSetting, match="does not start with http:// or https://"):
        env.url(name, ["http", "https"])


def test_a_relative_path_starts_where_the_process_does(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "data")
    assert env.path(name, Path("/var")) == tmp_path / "data"


def test_origins_have_a_scheme_and_a_host_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://localhost:5173/, https://App.example.com")
    assert env.origins(name) == ["http://localhost:5173", "https://app.example.com"]
    monkeypatch.setenv(name, "*")
    assert env.origins(name) == ["*"]
    for wrong in ("app.example.com", "https://", "https://app.example.com/path", "https://a,b"):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(BadSetting, match="is no origin"):
            env.origins(name)


def test_numbers_have_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "llama3=8192, meta/llama-3.1=131072,")
    assert env.numbers(name, 256, 1_000_000) == {"llama3": 8192, "meta/llama-3.1": 131072}


@pytest.mark.parametrize("value", ["llama3", "=8192", "llama3=", "llama3=8k", "llama3=255"])
def test_what_is_no_name_with_a_number_in_range_is_an_error(
    value: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(env.BadSetting, match=name):
        env.numbers(name, 256, 1_000_000)
