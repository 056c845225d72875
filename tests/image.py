"""Builds the image of the Dockerfile without a container engine, and starts it as compose would.

    python -m tests.image FOLDER [--start]

As root on Debian, with debootstrap; some minutes, and 5 GB in FOLDER. Each stage is a root folder
that debootstrap has made, in place of the image that FROM names (so Python is Debian's), and every
RUN is executed in it. Then each process of ours is started as compose.yaml has it: the root read-
only, an ordinary user without capabilities, a Linux namespace of processes and of mounts each, the
interpreter without a network. SQLite and the image's own Redis take the place of the other two
containers. In the end the demo model has code executed. With --start what was built before is
started.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

ROOT = Path(__file__).resolve().parent.parent

Stage = list[tuple[int, str, str]]


def instructions(dockerfile: str) -> list[Stage]:
    """The stages: for each instruction its line, its name and what follows, on one line."""
    stages: list[Stage] = []
    waiting = ""
    for number, line in enumerate(dockerfile.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        waiting += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        name, _, text = waiting.partition(" ")
        waiting = ""
        if name == "FROM":
            stages.append([])
        stages[-1].append((number, name, re.sub(r"\s+", " ", text).strip()))
    return stages


def copied(root: Path) -> Iterator[Path]:
    """The files that ``COPY . .`` brings, by .dockerignore, which allows names and forbids the
    rest.
    """
    lines = (root / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    forbidden = [line for line in lines if line and line[0] not in "!#*"]
    everywhere = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    assert lines[0] == "*"
    assert not forbidden
    for name in allowed:
        place = root / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            parts = path.relative_to(root).parts
            if path.is_file() and not any(
                fnmatch.fnmatch(part, pattern) for part in parts for pattern in everywhere
            ):
                yield path


BASE: Final = ("python3", "python3-venv", "ca-certificates")
"""What the image has that FROM names, and a bare Debian has not."""
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
KEPT: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "PIP_DEFAULT_TIMEOUT")
PROCESSES: Final = ("redis", "interpreter", "web", "worker", "beat")
PORT: Final = "8219"
API_KEY: Final = "sk-image"


class Stages:
    """The roots below a folder; each is what the stage of its number has come to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self.environment: dict[str, str] = {}

    def build(self, stages: list[Stage], *, again: bool) -> Path:
        """The root of the last one; as it is there, if not again."""
        base = self.folder / "base"
        if not base.exists():
            made = self.folder / "base.made"
            include = f"--include={','.join(BASE)}"
            check("debootstrap", "--variant=minbase", include, "bookworm", str(made))
            for name in ("python", "python3", "python3.11"):
                (made / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
            shutil.copy(CERTIFICATES, made / str(CERTIFICATES)[1:])
            made.rename(base)
        for number, stage in enumerate(stages):
            root = self.folder / str(number)
            if again:
                check("rm", "-rf", str(root))
                check("cp", "-a", "--reflink=auto", str(base), str(root))
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            shutil.copy("/etc/hosts", root / "etc/hosts")
            self.names.append(stage[0][2].partition(" AS ")[2] or str(number))
            self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
            self.environment |= {name: os.environ[name] for name in KEPT if name in os.environ}
            place = "/"
            for line, name, text in (
                stage[1:] if again else [one for one in stage if one[1] == "ENV"]
            ):
                begun = time.monotonic()
                if name == "WORKDIR":
                    place = text
                    (root / place[1:]).mkdir(parents=True, exist_ok=True)
                elif name == "COPY":
                    self.copy(root, place, text.split())
                elif name == "RUN":
                    self.run(root, place, text)
                elif name == "ENV":
                    for pair in shlex.split(text):
                        key, _, value = pair.partition("=")
                        self.environment[key] = value.replace("$PATH", self.environment["PATH"])
                else:
                    continue
                print(f"{line:3d} {name} {text[:60]}  {time.monotonic() - begun:.0f} s", flush=True)
        return root

    def copy(self, root: Path, place: str, words: list[str]) -> None:
        into = root / place[1:]
        if words[0].startswith("--from="):
            source = self.folder / str(self.names.index(words.pop(0).partition("=")[2]))
            check("cp", "-a", "--reflink=auto", str(source / words[0][1:]), str(into / words[1]))
            return
        wanted = ROOT / words[0]
        for path in copied(ROOT):
            if path == wanted or path.is_relative_to(wanted):
                within = path.relative_to(wanted if wanted.is_dir() else wanted.parent)
                target = into / words[1] / within
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)

    def run(self, root: Path, place: str, text: str) -> None:
        mounts = f"mount --bind /dev {root}/dev && mount -t proc proc {root}/proc"
        inside = f"chroot {root} sh -c {shlex.quote(f'cd {place} && {text}')}"
        check(
            *("unshare", "--mount", "--pid", "--fork", "sh", "-c", f"{mounts} && exec {inside}"),
            environment=self.environment,
        )


def check(*command: str, environment: dict[str, str] | None = None) -> None:
    """Run it; what it says is shown if it fails."""
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\n{done.stdout.decode(errors='replace')[-4000:]}")


def contained(root: Path, folder: Path, words: list[str], *, network: bool) -> list[str]:
    """The command that runs the words as a container of compose.yaml would."""
    mounts = [
        f"mount --bind {root} {root}",
        f"mount --bind /dev {root}/dev",
        f"mount -t proc proc {root}/proc",
        f"mount --bind {folder}/data {root}/data",
        f"mount --bind {folder}/run {root}/mnt",
        f"mount -t tmpfs -o uid=10001,gid=10001,mode=0700 tmpfs {root}/tmp",
        f"mount -o remount,bind,ro {root}",
    ]
    # Not chroot: who is in one may make no user namespace.
    mounts += [f"cd {root}", "pivot_root . .", "umount -l .", "cd /app"]
    user = "setpriv --reuid 10001 --regid 10001 --clear-groups --bounding-set=-all --inh-caps=-all"
    inside = f"! touch /app/x 2> /dev/null && exec tini -- {shlex.join(words)}"
    start = f"{user} --no-new-privs sh -c {shlex.quote(inside)}"
    spaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=SIGTERM"]
    spaces += [] if network else ["--net"]
    return ["unshare", *spaces, "sh", "-c", " && ".join([*mounts, f"exec {start}"])]


def start(root: Path, folder: Path, environment: dict[str, str]) -> None:
    """Prepare and start everything, have the demo model execute code, and stop it again."""
    for name in ("data", "run"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
        os.chown(folder / name, 10001, 10001)
        (folder / name).chmod(0o700)
    environment |= {"RUNTIME_DIR": "/mnt", "PORT": PORT, "PLAYGROUND_API_KEY": API_KEY}
    running: dict[str, subprocess.Popen[bytes]] = {}

    def run(*words: str, network: bool = True) -> subprocess.Popen[bytes]:
        command = contained(root, folder, ["python", "-m", *words], network=network)
        return subprocess.Popen(command, env=environment)

    try:
        for name in PROCESSES:
            running[name] = run("playground.runner", name, network=name != "interpreter")
            if name == "redis":
                time.sleep(2)
                if run("playground.runner", "prepare").wait(120):
                    sys.exit("prepare failed")
        until = time.monotonic() + 60
        health: dict[str, Any] = {}
        while health.get("status") != "ok":
            if time.monotonic() > until:
                sys.exit(f"not healthy: {health}")
            time.sleep(0.5)
            with suppress(OSError):
                health = json.loads(ask("/healthz"))
        print(health)
        for name in PROCESSES[1:]:
            print(f"probe of {name}:", run("playground.probe", name).wait(30))
        print(has_code_executed())
    finally:
        for name in reversed(PROCESSES):
            if name in running:
                # unshare passes nothing on: tini is below it. Redis heeds SIGINT (redis_server.py).
                number = signal.SIGINT if name == "redis" else signal.SIGTERM
                for child in psutil.Process(running[name].pid).children():
                    child.send_signal(number)
                print(f"{name} has ended with", running[name].wait(30))


def ask(path: str, body: object = None) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}",
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        return error.read()


def has_code_executed() -> str:
    """What the steps of a run were that was to draw."""
    tools = [{"type": "code_interpreter"}]
    assistant = json.loads(ask("/v1/assistants", {"model": "demo", "tools": tools}))["id"]
    question = {"role": "user", "content": "Create a visualization of a sinewave"}
    body = {"assistant_id": assistant, "stream": True, "thread": {"messages": [question]}}
    said = ask("/v1/threads/runs", body).decode()
    found = re.findall(r"thread\.run\.completed|image_file|thread\.run\.failed", said)
    return ", ".join(sorted(set(found)))


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    stages = Stages(folder)
    dockerfile = instructions((ROOT / "Dockerfile").read_text())
    root = stages.build(dockerfile, again="--start" not in sys.argv)
    print(subprocess.run(["du", "-sh", root], capture_output=True, text=True, check=True).stdout)
    start(root, folder, stages.environment)


if __name__ == "__main__":
    main()
