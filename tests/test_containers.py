"""The image, the compose file, and the examples for a cluster, as far as no container engine is
needed.

What only shows when the image is built is tried by ``tests/image.py``, by hand.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from assistants.traces import ASKED_BY
from playground.probe import PROBES
from playground.runner.stack import STOPPING_ORDER, STOPPING_SECONDS
from playground.settings import WORKER_GRACE_SECONDS
from tests.image import copied, instructions
from tests.stack import clean_environment

ROOT = Path(__file__).resolve().parent.parent


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, as engines do; PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(names) == len(set(names)), names
        return super().construct_mapping(node, deep)


COMPOSE: dict[str, Any] = yaml.load((ROOT / "compose.yaml").read_text(), Strict)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: told for name, told in SERVICES.items() if told["image"] == "assistants-playground"}
SCHEMA = ROOT / "tests/node/node_modules/dclint/schemas/compose.schema.json"
SETTINGS = (ROOT / "playground" / "settings.py").read_text()
DIRECTIVES = instructions((ROOT / "Dockerfile").read_text())
# The compose file says these itself, or there is nothing to say there.
ITS_OWN = {"HOST", "RUNTIME_DIR"}
DEFAULTS = {
    "DATABASE_URL": "postgresql://playground@postgres/playground",
    "REDIS_URL": "redis://redis:6379/0",
}
TAKEN = {name: f"PLAYGROUND_{name}" for name in DEFAULTS}
"""What Compose reads in place of names that a shell may have for something else."""
NOT_FOR_IT = {"PORT", "DATA_DIR", "SANDBOX_PYTHON", "DEBUG"} | {
    "INTERPRETER_URL",
    "INTERPRETER_TOKEN",
    "INTERPRETER_CA",
}


def in_page(name: str) -> list[dict[str, Any]]:
    """The objects of a cluster that a page of docs/ has."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    documents = list(yaml.safe_load_all(text))
    return [item for one in documents for item in one.get("items", [one])]


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_nothing_is_known_to_be_wrong_with_the_dockerfile() -> None:
    done = subprocess.run(
        ["hadolint", "--failure-threshold", "info", "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_one_by_the_specification() -> None:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    wrong = {"services": {"web": {**SERVICES["web"], "mem_limits": "1g"}}}
    assert not validator.is_valid(wrong)


def test_what_a_service_names_is_there() -> None:
    for name, told in SERVICES.items():
        for volume in told.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"], name
        for network in told.get("networks", []):
            assert network in COMPOSE["networks"], name
        for other, how in told.get("depends_on", {}).items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
            else:
                assert SERVICES[other]["restart"] == "no"
        assert ("network_mode" in told) != ("networks" in told), name


def test_every_container_has_limits_a_probe_and_nothing_that_it_needs_not() -> None:
    assert {"web", "worker", "beat", "interpreter", "redis", "postgres"} < set(SERVICES)
    for name, told in SERVICES.items():
        assert {"mem_limit", "cpus", "pids_limit"} <= set(told), name
        assert told["read_only"] is True, name
        assert "no-new-privileges:true" in told["security_opt"], name
        assert "privileged" not in told
        if name != "prepare":
            assert told["healthcheck"]["test"], name
            assert told["restart"] == "unless-stopped", name
    for name, told in OURS.items():
        assert told["cap_drop"] == ["ALL"], name
        assert told["command"] == ["python", "-m", "playground.runner", name]
        if name != "prepare":
            assert told["healthcheck"]["test"] == ["CMD", "python", "-m", "playground.probe", name]
    assert set(OURS) - {"prepare"} == set(PROBES)


def test_code_is_far_from_secrets_and_networks() -> None:
    interpreter = SERVICES["interpreter"]
    assert interpreter["environment"] == {"RUNTIME_DIR": "/run/playground"}
    assert interpreter["network_mode"] == "none"
    shared = {volume.split(":")[0] for volume in interpreter["volumes"]}
    assert shared == {"sessions", "run"}
    text = (ROOT / "docs" / "interpreter.md").read_text()
    needed = set(re.findall(r"--security-opt (\S+=unconfined)", text))
    assert needed
    assert set(interpreter["security_opt"]) == needed | {"no-new-privileges:true"}
    for name in set(SERVICES) - {"interpreter"}:
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    for name in ("redis", "postgres"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_a_container_gets_every_setting_that_is_not_its_own() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_0-9]+)"', SETTINGS))
    common = COMPOSE["x-environment"]
    traces = {name for name in common if name.startswith("OTEL_")}
    assert set(ASKED_BY) < traces
    assert set(common) - traces - {"PGPASSWORD"} == read - NOT_FOR_IT
    for name in set(common) - ITS_OWN - {"PGPASSWORD"}:
        default = re.escape(DEFAULTS[name]) if name in DEFAULTS else r"\w*"
        assert re.fullmatch(rf"\$\{{{TAKEN.get(name, name)}:-{default}\}}", common[name])
    # The address has none: it may be any, and one that is named elsewhere has its own.
    assert common["PGPASSWORD"] == SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"]
    for name in ("prepare", "web", "worker", "beat"):
        assert SERVICES[name]["environment"] is common


def test_what_no_container_is_handed_is_told_and_how_it_goes_there() -> None:
    page = (ROOT / "docs" / "containers.md").read_text()
    (told,) = re.findall(r"containers' own: (.*?), and the `..._FILE`", page, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == ITS_OWN | NOT_FOR_IT
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    override = yaml.load(text, Strict)
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(override)] == []
    assert set(override["services"]) < set(OURS)
    for told in override["services"].values():
        for name, path in told["environment"].items():
            assert re.search(rf'"{name.removesuffix("_FILE")}"', SETTINGS)
            assert Path(path).name in set(told["secrets"]) & set(override["secrets"])


def test_who_may_have_a_database_or_redis_elsewhere_reaches_it() -> None:
    for name in ("prepare", "web", "worker", "beat"):
        assert set(SERVICES[name]["networks"]) == {"inside", "outside"}


def test_a_cluster_without_an_interpreter_starts() -> None:
    """A pod waits for a secret that is not optional, and the page has nobody make these."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    made = set(re.findall(r"kubectl create secret \w+ (\S+)", page))
    for each in in_page("kubernetes.md"):
        if each["kind"] in ("Deployment", "Job"):
            for volume in each["spec"]["template"]["spec"]["volumes"]:
                if secret := volume.get("secret"):
                    assert secret["secretName"] in made or secret["optional"] is True


def test_only_the_ingress_reaches_what_believes_it_and_only_who_counts_the_numbers() -> None:
    objects = in_page("kubernetes.md")
    (policy,) = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    ports = {
        port["name"]
        for each in objects
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
        for port in container["ports"]
    }
    assert policy["podSelector"]["matchLabels"] == {"app": "assistants-playground"}
    reached: dict[str, set[str]] = {}
    for rule in policy["ingress"]:
        for source in rule["from"]:
            (name,) = source["namespaceSelector"]["matchLabels"].values()
            reached.setdefault(name, set()).update(port["port"] for port in rule["ports"])
    assert reached == {"ingress-nginx": {"web"}, "monitoring": {"metrics"}}
    assert ports == {"web", "metrics"}


def test_both_proxies_wait_for_an_answer_as_long() -> None:
    (ingress,) = [each for each in in_page("kubernetes.md") if each["kind"] == "Ingress"]
    nginx = (ROOT / "deploy" / "nginx.conf").read_text()
    for way in ("read", "send"):
        (told,) = re.findall(rf"proxy_{way}_timeout (\d+)s;", nginx)
        noted = ingress["metadata"]["annotations"]
        assert noted[f"nginx.ingress.kubernetes.io/proxy-{way}-timeout"] == told


def test_a_container_is_given_the_time_that_a_stop_may_take() -> None:
    for names in STOPPING_ORDER:
        for name in set(names) & set(OURS):
            grace = seconds(OURS[name].get("stop_grace_period", "10s"))
            needed = STOPPING_SECONDS.get(name, 6.0)
            if name == "worker":
                (told,) = re.findall(r":-(\d+)}", COMPOSE["x-environment"]["WORKER_GRACE_SECONDS"])
                needed += int(told) - WORKER_GRACE_SECONDS
            assert grace > needed, name


def test_the_image_runs_as_nobody_special_keeps_its_data_and_is_probed() -> None:
    told = {name: text for _, name, text in DIRECTIVES[-1]}
    run = " ".join(text for _, _, text in DIRECTIVES[-1])
    made = re.search(r"useradd --uid (\d+) --gid (\d+)", run)
    assert made
    # USER names the group by number: it has to be the one that owns /data.
    assert made[1] == made[2]
    assert f"groupadd --gid {made[1]} " in run
    assert f"--owner {made[1]} --group {made[1]} --mode 0700 /data" in run
    assert told["USER"] == f"{made[1]}:{made[1]}"
    assert len(DIRECTIVES) == 2
    assert SERVICES["web"]["volumes"][0].split(":")[1] == told["VOLUME"]
    assert SERVICES["web"]["ports"][0].split(":")[-1] == told["EXPOSE"]
    assert told["HEALTHCHECK"].endswith('CMD ["python", "-m", "playground.probe"]')
    assert told["CMD"] == '["python", "-m", "playground.runner"]'
    for service in OURS.values():
        for place in service["tmpfs"]:
            assert f"uid={made[1]}" in place


@pytest.mark.parametrize("page", ["kubernetes.md", "interpreter-cluster.md"])
def test_the_objects_of_a_cluster_are_such_by_its_schema(page: str) -> None:
    for each in in_page(page):
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_a_cluster_runs_the_processes_of_the_image_closed_and_probed() -> None:
    objects = in_page("kubernetes.md")
    pods = {
        each["metadata"]["name"].removeprefix("playground-"): each["spec"]["template"]
        for each in objects
        if each["kind"] in ("Deployment", "Job")
    }
    assert set(pods) == set(OURS) - {"interpreter"}
    kept = {
        each["spec"]["selector"]["matchLabels"]["process"]
        for each in objects
        if each["kind"] == "PodDisruptionBudget"
    }
    assert kept == {"web", "worker"}
    settings = {key for each in objects if each["kind"] == "ConfigMap" for key in each["data"]}
    told = {key: value for each in objects for key, value in each.get("data", {}).items()}
    worker = pods["worker"]["spec"]["terminationGracePeriodSeconds"]
    assert (
        worker
        > int(told["WORKER_GRACE_SECONDS"]) + STOPPING_SECONDS["worker"] - WORKER_GRACE_SECONDS
    )
    for name in settings:
        assert re.search(rf'"{name.removesuffix("_FILE")}"', SETTINGS), name
    for name, template in pods.items():
        pod = template["spec"]
        (container,) = pod["containers"]
        assert container["args"] == ["python", "-m", "playground.runner", name]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert {mount["name"] for mount in container["volumeMounts"]} == {
            volume["name"] for volume in pod["volumes"]
        }
        assert {"cpu", "memory"} <= set(container["resources"]["limits"]), name
        if name != "prepare":
            command = ["python", "-m", "playground.probe", name]
            assert container["livenessProbe"]["exec"]["command"] == command
            assert pod["terminationGracePeriodSeconds"] > 10


def test_what_copy_brings_is_all_that_static_files_and_translations_are_made_of(
    tmp_path: Path,
) -> None:
    """The last RUN of the first stage, in a folder with what ``COPY . .`` brings."""
    for source in copied(ROOT):
        target = tmp_path / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (*_, command) = [text for _, name, text in DIRECTIVES[0] if name == "RUN"]
    built = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    made = tmp_path / "built"
    assert (made / "static" / "staticfiles.json").is_file()
    assert (made / "locale" / "zh_Hant" / "LC_MESSAGES" / "django.mo").is_file()
    # Another user reads them.
    assert all(path.stat().st_mode & 0o004 for path in made.rglob("*"))


def test_a_name_that_is_no_process_is_told_which_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "playground.runner", "wed"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == (
        "Name one of prepare, redis, interpreter, worker, web, beat, or none for all of them.\n"
    )
