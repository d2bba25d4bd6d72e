"""The files of deploy/: they parse, hang together, and name what the server has."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.test_cli import darl
from tests.serve.made import DOCUMENTS, QUERY, ask

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NAME = re.compile(r"\b(?:te|darl)_[a-z_]+\b")


def read(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def dashboard():
    return json.loads(read("grafana/darl.json"))


def expressions():
    """Every PromQL expression of the dashboard and of the alert rules."""
    told = dashboard()
    found = [target["expr"] for panel in told["panels"] for target in panel.get("targets", [])]
    found += [variable["definition"] for variable in told["templating"]["list"]]
    groups = yaml.safe_load(read("alerts.yml"))["groups"]
    return found + [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def samples(started, folder):
    """By name, the labels of every sample of a server that has answered, refused and cached something."""
    from darl.serve.served import Served

    with started(Served.load(folder), cache_bytes=1 << 20) as client:
        for number in range(30):
            ask(client, f"{QUERY} {number}", DOCUMENTS[:2], darl={"domain": "shop"})
        client.post("/v2/rerank", json={})
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    found: dict[str, list[dict[str, str]]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


@pytest.mark.parametrize("expression", dict.fromkeys(expressions()))
def test_metrics_that_are_named_are_those_that_the_server_has(samples, expression):
    names = set(NAME.findall(expression))
    assert names or "up{" in expression
    assert names <= set(samples), names - set(samples)
    for name, matchers in re.findall(r"\b((?:te|darl)_[a-z_]+)\{([^}]*)\}", expression):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            # Prometheus itself adds the instance.
            assert label == "instance" or all(label in labels for labels in samples[name]), (name, label)


@pytest.mark.parametrize("expression", dict.fromkeys(expressions()))
def test_labels_that_are_grouped_by_are_those_that_the_server_has(samples, expression):
    labels = {label for name in NAME.findall(expression) for one in samples[name] for label in one}
    grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    assert grouped <= labels | {"instance"}


def test_every_metric_of_the_docs_is_the_servers_and_the_other_way_round(samples):
    table = read("../docs/serving.md").partition("## Metrics")[2].partition("## Drift")[0]
    documented = set(NAME.findall(table))
    bare = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in samples} | set(samples)
    assert documented <= bare
    parts = {name for name in samples if name.endswith(("_bucket", "_sum", "_created"))}
    told = {re.sub(r"_count$", "", name) if f"{name[:-6]}_sum" in samples else name for name in samples}
    assert {name for name in told - parts if not name.startswith(("python_", "process_"))} <= documented


def test_the_dashboard_is_one_that_grafana_takes():
    told = dashboard()
    assert len({panel["id"] for panel in told["panels"]}) == len(told["panels"]) > 15
    sources = yaml.safe_load(read("grafana/datasource.yaml"))["datasources"]
    (uid,) = (one["uid"] for one in sources)
    for panel in told["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == uid
            assert all(target["datasource"]["uid"] == uid for target in panel["targets"])
    taken = {(x, y) for panel in told["panels"] for x, y in cells(panel["gridPos"])}
    assert len(taken) == sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in told["panels"])


def cells(place):
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]


def test_compose_mounts_files_that_are_there_and_listens_on_loopback():
    services = yaml.safe_load(read("compose.yaml"))["services"]
    assert set(services) == {"darl", "prometheus", "grafana"}
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            if volume.startswith("./"):
                assert (DEPLOY / volume.split(":")[0]).is_file(), volume
    provider = yaml.safe_load(read("grafana/provider.yaml"))["providers"][0]["options"]["path"]
    assert any(f"{provider}/darl.json" in volume for volume in services["grafana"]["volumes"])
    scraped = yaml.safe_load(read("prometheus.yml"))
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == ["darl:8080"]
    assert scraped["rule_files"] == ["alerts.yml"]


def refused(folder, options):
    """What darl says of a folder without a model: options that it does not take are refused before that."""
    options = [option.replace("0.0.0.0", "127.0.0.1") for option in options]
    return darl("serve", folder, *options, "--port", 0, code=1).stderr


def test_the_image_is_made_of_files_and_commands_that_are_there(tmp_path):
    lines = read("Dockerfile").replace("\\\n", " ").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    kept = [line[1:] for line in read("Dockerfile.dockerignore").splitlines() if line.startswith("!")]
    for name in [one for names in copied for one in names]:
        assert (ROOT / name).exists()
        assert name.removeprefix("./") in kept
    assert re.search(r"^torch==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    entry, command = (
        json.loads(line.partition(" ")[2]) for line in lines if line.startswith(("ENTRYPOINT", "CMD"))
    )
    assert entry == ["darl", "serve"]
    assert "expected a model folder" in refused(tmp_path, command[1:])
    (user,) = (line.split()[1] for line in lines if line.startswith("USER"))
    assert user != "0"


def unit():
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str
    parsed.read_string(read("darl.service"))
    return parsed


def test_the_unit_starts_a_command_that_darl_takes(tmp_path):
    service = unit()["Service"]
    program, subcommand, _, *options = shlex.split(service["ExecStart"])
    assert (Path(program).name, subcommand) == ("darl", "serve")
    assert "expected a model folder" in refused(tmp_path, options)
    state = f"/var/lib/{service['StateDirectory']}/"
    assert any(option.startswith(state) for option in options)  # the one place that it may write to
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "DynamicUser", "RestrictNamespaces"):
        assert service[name] == "yes"
    assert service["ProtectSystem"] == "strict"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_unit(tmp_path):
    text = read("darl.service").replace("/opt/darl/.venv/bin/darl", shutil.which("true"))
    (tmp_path / "darl.service").write_text(text)
    told = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "darl.service")], capture_output=True, text=True
    )
    assert (told.returncode, "darl.service" in told.stderr) == (0, False), told.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_prometheus_takes_its_files():
    for what, name in (("config", "prometheus.yml"), ("rules", "alerts.yml")):
        told = subprocess.run(["promtool", "check", what, str(DEPLOY / name)], capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_every_alert_is_raised_by_what_it_is_about(tmp_path):
    cases = yaml.safe_load((Path(__file__).parent / "alerts.yml").read_text(encoding="utf-8"))
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
    named = {one["alert"] for group in rules["groups"] for one in group["rules"] if "alert" in one}
    raised = {
        one["alertname"] for case in cases["tests"] for one in case["alert_rule_test"] if one["exp_alerts"]
    }
    assert raised == named
    file = tmp_path / "cases.yml"
    file.write_text(yaml.safe_dump(cases | {"rule_files": [str(DEPLOY / "alerts.yml")]}), encoding="utf-8")
    told = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
