"""Settings from the environment: typed, from files too, loud when wrong."""

import os
import subprocess
import sys
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


def test_some_of_what_is_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "One, three")
    assert env.some(name, ["one", "two", "three"]) == ["one", "three"]
    monkeypatch.setenv(name, "one,four")
    with pytest.raises(env.BadSetting, match="four is not one of one, two"):
        env.some(name, ["one", "two"])


def test_an_embedding_model_without_a_provider_is_an_error(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "EMBEDDING_MODEL": "any"}
    command = [sys.executable, "-c", "import playground.settings"]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert "EMBEDDING_MODEL needs a provider" in done.stderr
    environment["EMBEDDING_BASE_URL"] = "http://localhost:11434/v1"
    assert subprocess.run(command, check=False, env=environment).returncode == 0


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


def test_the_address_of_a_host_has_its_port_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert env.origin(name, "https") == ""
    for right in ("https://host:8443", "https://host", "https://[2001:db8::1]:8443"):
        monkeypatch.setenv(name, f"{right}/")
        assert env.origin(name, "https") == right
    # What is compared with it begins with https://, and browsers say hosts so.
    monkeypatch.setenv(name, "HTTPS://Host.Example:8443")
    assert env.origin(name, "https") == "https://host.example:8443"
    for wrong in (
        "https://",
        "https://:1",
        "https://h/path",
        "https://h:x",
        "https://u:p@h",
        "https://h?a",
    ):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(BadSetting, match="is not a host with its port"):
            env.origin(name, "https")
    monkeypatch.setenv(name, "http://host:8443")
    with pytest.raises(BadSetting, match="does not start with https://"):
        env.origin(name, "https")


def test_a_token_that_no_header_can_have_is_an_error_that_does_not_tell_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "s3cret-._~+/=")
    assert env.bearer(name) == "s3cret-._~+/="
    for wrong in ("s3 cret", "s3cret\u00e9", "s3\ncret"):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(BadSetting, match="has characters that no token has") as refused:
            env.bearer(name)
        assert wrong not in str(refused.value)


def test_certificates_are_a_file_that_has_some(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert env.certificates(name) is None
    for content in (None, "nothing"):
        file = tmp_path / "ca.pem"
        if content:
            file.write_text(content)
        monkeypatch.setenv(name, str(file))
        with pytest.raises(BadSetting, match="holds no certificates in PEM"):
            env.certificates(name)


def test_another_host_without_a_token_is_an_error(tmp_path: Path) -> None:
    url = {"INTERPRETER_URL": "https://host:8443", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "import playground.settings"],
        env={**os.environ, **url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "INTERPRETER_URL needs INTERPRETER_TOKEN" in done.stderr


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


@pytest.mark.parametrize(
    "given, why",
    [
        ({"INTERPRETER_TOKEN": "f" * 64}, "they need INTERPRETER_URL"),
        ({"INTERPRETER_CA": ""}, ""),
        ({"INTERPRETER_CALL_SECONDS": "0"}, "INTERPRETER_CALL_SECONDS=0 is not between 1 and 3600"),
        ({"INTERPRETER_CALL_SECONDS": "two"}, "is not a whole number"),
        ({"INTERPRETER_CALL_SECONDS": "30"}, ""),
        ({"DATABASE_URL": "mysql://user@host/name"}, "names neither PostgreSQL nor SQLite"),
        ({"DATABASE_URL": "postgis://user@host/name"}, "names neither PostgreSQL nor SQLite"),
        ({"DATABASE_URL": "postgres://user@host/name"}, ""),
        ({"DATABASE_URL": "nonsense"}, "names neither PostgreSQL nor SQLite"),
        ({"PUBLIC_URL": "https://p.example/sub"}, "PUBLIC_URL is not a host with its port"),
        ({"PUBLIC_URL": "https://p.example:8443/"}, ""),
        ({"ALLOWED_HOSTS": "p.example, http://p.example"}, "http://p.example is no name of a host"),
        ({"ALLOWED_HOSTS": "p.example:8000"}, "p.example:8000 is no name of a host"),
        ({"ALLOWED_HOSTS": "::1"}, "::1 is no name of a host"),
        ({"ALLOWED_HOSTS": "*, .example, 10.0.0.5, [::1]"}, ""),
        ({"METRICS_TOKEN": "a b"}, "METRICS_TOKEN has characters that no token has"),
        ({"PLAYGROUND_API_KEY": "a b"}, "PLAYGROUND_API_KEY has characters that no token has"),
        ({"FORWARDED_ALLOW_IPS": "127.0.0.1, proxy"}, "proxy is no address or network"),
        ({"FORWARDED_ALLOW_IPS": "10.0.0.300"}, "10.0.0.300 is no address or network"),
        ({"FORWARDED_ALLOW_IPS": "10.0.0.0/8, ::1"}, ""),
        ({"FORWARDED_ALLOW_IPS": "*"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "is no address, as in http://"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://"}, "is no address, as in http://"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ""),
    ],
)
def test_settings_that_make_no_sense_are_errors(
    tmp_path: Path, given: dict[str, str], why: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import playground.settings"],
        env={**os.environ, "DATA_DIR": str(tmp_path), **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (why == "")
    assert why in done.stderr


def test_behind_https_cookies_are_sent_over_https_only(tmp_path: Path) -> None:
    told = (
        "from playground import settings as s; print("
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY,"
        " s.SESSION_COOKIE_SAMESITE)"
    )
    for public, secure in (("https://studio.example.com", True), ("http://10.0.0.5", False)):
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-c", told],
            env={**clean, "DATA_DIR": str(tmp_path), "PUBLIC_URL": public},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [str(secure), str(secure), "True", "Lax"]


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"OIDC_ISSUER": "https://id.example.com"}, "OIDC_CLIENT_SECRET go together"),
        ({"S3_ENDPOINT": "https://s3.example.com"}, "S3_BUCKET is missing"),
        ({"S3_BUCKET": "b", "S3_ACCESS_KEY_ID": "k"}, "S3_SECRET_ACCESS_KEY go together"),
    ],
)
def test_what_goes_together_is_set_whole_or_not_at_all(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", "import playground.settings"],
        env={**clean, "DATA_DIR": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stderr
