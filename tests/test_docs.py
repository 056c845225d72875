"""What the documentation promises is there, and what is there is documented."""

import itertools
import re
import shlex
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import yaml
from django.conf import global_settings

from assistants.tools.code_interpreter.server import parser
from playground import configuration, env
from playground.runner.stack import STOPPING_ORDER, STOPPING_SECONDS
from playground.settings import WORKER_GRACE_SECONDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CLUSTER = (ROOT / "docs" / "interpreter-cluster.md").read_text()
SETTINGS = (ROOT / "playground" / "settings.py").read_text()


def test_every_setting_is_on_the_page_of_settings_with_its_default_and_limits() -> None:
    """``manage.py configuration`` writes it."""
    read = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', SETTINGS)
    page = configuration.page({name: env.asked[name] for name in read})
    assert (ROOT / "docs" / "configuration.md").read_text() == page


def test_the_settings_in_the_readme_exist() -> None:
    table = README.split("## Settings")[1].split("## More")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = set(re.findall(r"`([A-Z0-9_]+)`", "".join(rows)))
    assert len(documented) > 10
    assert documented <= {
        name for rows in configuration.ROWS.values() for row in rows for name in row.names.split()
    }


def test_the_readme_in_chinese_says_the_same() -> None:
    """The same commands and code, headings, settings and links, in the same order."""
    chinese = (ROOT / "README.zh-Hant.md").read_text()
    for pattern in (
        r"(?ms)^```.*?^```$",
        r"(?m)^#+(?= )",
        r"(?m)^\| (`[^|]*`) \|",
        r"(?<=\]\()[^)]+",
    ):
        ours, theirs = re.findall(pattern, README), re.findall(pattern, chinese)
        assert len(ours) > 3
        other_language = {"README.md": "", "README.zh-Hant.md": ""}
        assert [other_language.get(one, one) for one in ours] == [
            other_language.get(one, one) for one in theirs
        ]
    commands = set(re.findall(r"`(make [^`]+|docker [^`]+|\.venv/[^`]+)`", README))
    assert commands == set(re.findall(r"`(make [^`]+|docker [^`]+|\.venv/[^`]+)`", chinese))
    assert "(README.zh-Hant.md)" in README
    assert "(README.md)" in chinese


def test_every_setting_is_used() -> None:
    code = SETTINGS + "".join(
        path.read_text()
        for folder in ("assistants", "playground")
        for path in (ROOT / folder).rglob("*.py")
        if path != ROOT / "playground" / "settings.py"
    )
    for name in re.findall(r"^([A-Z0-9_]+) = env\.", SETTINGS, re.MULTILINE):
        mentioned = re.findall(rf"(?<!\")\b{name}\b(?!\")", code)
        assert len(mentioned) > 1 or hasattr(global_settings, name), name


def units() -> dict[str, RawConfigParser]:
    """The units of systemd in docs/set-up.md, by their names."""
    found = {}
    page = (ROOT / "docs" / "set-up.md").read_text()
    for place, text in re.findall(r"```ini\n# (\S+\.service)[^\n]*\n(.*?)```", page, re.DOTALL):
        found[Path(place).name] = unit = RawConfigParser(comment_prefixes="#")
        unit.read_string(text)
    return found


def test_prepare_is_run_as_the_unit_of_the_others_would() -> None:
    page = (ROOT / "docs" / "set-up.md").read_text()
    (command,) = re.findall(r"systemd-run (.*?)\n\n", page, re.DOTALL)
    words = shlex.split(command)
    properties = {two for one, two in itertools.pairwise(words) if one == "-p"}
    environment = {two for one, two in itertools.pairwise(words) if one == "-E"}
    service = units()["playground@.service"]["Service"]
    alike = ("user", "workingdirectory", "environmentfile")
    names = {*alike, *(name for name in service if name.startswith("runtimedirectory"))}
    assert {f"{name}={service[name]}" for name in names} == {
        f"{name.lower()}={value}" for name, _, value in (one.partition("=") for one in properties)
    }
    assert environment < set(service["environment"].split())
    assert " ".join(words).endswith(service["execstart"].replace("%i", "prepare"))


def test_units_begin_with_the_machine_and_have_the_time_that_a_stop_may_take() -> None:
    found = units()
    assert set(found) == {"playground.service", "playground@.service"}
    for name, unit in found.items():
        assert unit["Install"]["WantedBy"] == "multi-user.target"
        assert unit["Unit"]["After"] == unit["Unit"]["Wants"] == "network-online.target"
        (grace,) = re.findall(r"WORKER_GRACE_SECONDS=(\d+)", unit["Service"]["Environment"])
        at_most = {
            "web": STOPPING_SECONDS["web"],
            "worker": STOPPING_SECONDS["worker"] + int(grace) - WORKER_GRACE_SECONDS,
        }
        takes = [max(at_most.get(each, 6.0) for each in names) for names in STOPPING_ORDER]
        whole = name == "playground.service"
        needed = sum(takes) if whole else max(takes)
        assert int(unit["Service"]["TimeoutStopSec"]) > needed, name
        _, command = unit["Service"]["ExecStart"].split(" ", 1)
        assert command == "-m playground.runner" + ("" if whole else " %i")
        settings = re.findall(r"([A-Z_]+)=", unit["Service"]["Environment"])
        assert set(settings) <= set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', SETTINGS))


def test_what_is_not_pinned_is_said() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    floating = [
        *re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE),
        *re.findall(r"^    image: (\S+:\S+)", (ROOT / "compose.yaml").read_text(), re.MULTILINE),
    ]
    assert len(floating) == 4
    said = "name base images by tag" in page and "## Images" in page
    assert said == any("@sha256:" not in image for image in floating)


def test_a_cluster_is_told_options_that_the_interpreter_has_and_files_that_are_mounted() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", CLUSTER, re.DOTALL)
    objects = {each["kind"]: each for each in yaml.safe_load_all(text)}
    pod = objects["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    told = parser().parse_args(container["args"])
    reached = [told.certificate, told.key, told.token_file, told.sessions, told.socket]
    mounted = {Path(volume["mountPath"]) for volume in container["volumeMounts"]}
    assert all(mounted & set(path.parents) for path in reached)
    assert {volume["name"] for volume in container["volumeMounts"]} == {
        volume["name"] for volume in pod["spec"]["volumes"]
    }
    assert pod["spec"]["runtimeClassName"] == objects["RuntimeClass"]["metadata"]["name"]
    port = int(told.listen.rpartition(":")[2])
    assert container["ports"] == [{"containerPort": port}]
    assert objects["Service"]["spec"]["ports"] == [{"port": port}]
    labels = pod["metadata"]["labels"]
    assert objects["Service"]["spec"]["selector"] == labels
    assert objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    user = re.search(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert user
    assert pod["spec"]["securityContext"]["runAsUser"] == int(user[1])


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    asked += (ROOT / "requirements" / "sandbox.in").read_text().splitlines()
    names = {re.split(r"[\[<>=;\s]", line)[0] for line in asked if not line.startswith("#")} - {""}
    text = (ROOT / "docs" / "dependencies.md").read_text().lower()
    assert {name for name in names if f"`{name.lower()}`" not in text} == set()


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ |\s)make ([a-z]+)", README)) <= targets


def test_every_link_to_a_file_leads_to_one() -> None:
    for page in [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_lock_files_name_no_server_and_pin_everything_by_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        entries = re.split(r"\n(?=[a-z0-9])", text[text.index("\n#    make lock") :])[1:]
        assert entries
        for entry in entries:
            assert re.match(r"[\w.\-]+(\[\w+\])?==", entry), entry
            assert "--hash=sha256:" in entry, entry
