"""Prometheus, promtool, Alertmanager, amtool: optional for people, needed by tests.

`tool("promtool", home, say)` gives the path of any of them by a ladder that needs no root: PATH, the cache, the
Debian package fetched and unpacked into the cache. Refuses to skip: a tool that cannot be had is an error.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from services.stack.home import DEPLOY, Home, Say, StackError, locked
from services.stack.state import Wanted, write_whole
from services.stack.targets import write_targets
from services.stack.toolchain import first_output

PACKAGES = {
    "prometheus": ("prometheus", "usr/bin/prometheus"),
    "promtool": ("prometheus", "usr/bin/promtool"),
    "alertmanager": ("prometheus-alertmanager", "usr/bin/prometheus-alertmanager"),
    "amtool": ("prometheus-alertmanager", "usr/bin/amtool"),
}
"""Tool -> Debian package, path inside it."""
SYSTEM_TEMPLATES = b"/usr/share/prometheus/alertmanager"
SCRAPE_SECONDS = 5
"""Between two looks at each process. Range 1-60 s; our judgement, 2026-11-23."""


def tool(name: str, home: Home, say: Say) -> Path:
    """The program of this name. Blocks while it downloads; raises StackError with the remedy."""
    package, inside = PACKAGES[name]
    for candidate in (name, Path(inside).name):
        if found := shutil.which(candidate):
            return Path(found)
    folder = home.cache / "unpacked" / package
    with locked(home.cache / f"{package}.lock"):
        if not (folder / inside).exists():
            _unpack(package, folder, say)
    return folder / inside


def _unpack(package: str, folder: Path, say: Say) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise StackError(f"{package}: not on PATH and no apt-get here; install it from your system or prometheus.io")
    say(f"{package}: 15 MB to fetch, 90 MB on disk, under a minute")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    options = _own_lists(part) if not _listed(package, []) else []
    if options and not _listed(package, options):
        raise StackError(f"{package}: apt-get knows no such package and could not update; install {package}")
    done = subprocess.run(
        ["apt-get", *options, "download", package], cwd=part, capture_output=True, text=True, check=False
    )
    archive = next(part.glob(f"{package}_*.deb"), None)
    if done.returncode != 0 or archive is None:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StackError(f"{package}: apt-get download failed ({reason}); install {package}")
    subprocess.run(["dpkg", "-x", archive, part], check=True, capture_output=True)
    archive.unlink()
    for program in (part / "usr" / "bin").iterdir():
        _relocate(program)
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def _relocate(program: Path) -> None:
    """Debian's Alertmanager reads its templates from /usr/share, which without root we may not fill.

    The path inside the program becomes one of equal length that means its working folder. Not needed once
    Debian embeds the templates, as upstream does since 0.26.
    """
    content = program.read_bytes()
    if SYSTEM_TEMPLATES in content:
        program.write_bytes(content.replace(SYSTEM_TEMPLATES, b"." + b"/" * (len(SYSTEM_TEMPLATES) - 1)))


def _listed(package: str, options: list[str]) -> bool:
    return "Version:" in first_output(["apt-cache", *options, "show", "--no-all-versions", package])


def _own_lists(folder: Path) -> list[str]:
    """Package lists of our own, fetched without root, where the system's are missing."""
    lists, cache = folder / "apt" / "lists", folder / "apt" / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    options = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}"]
    options += ["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]
    subprocess.run(["apt-get", *options, "-qq", "update"], capture_output=True, check=False)
    return options


def prepare_prometheus(home: Home, ports: dict[str, int], say: Say) -> Wanted:
    """Writes its configuration; returns what the supervisor shall run. Scrapes every `<home>/ports/*.json`."""
    program = tool("prometheus", home, say)
    folder = home.folder / "prometheus"
    folder.mkdir(exist_ok=True)
    write_targets(home.folder)
    text = json.dumps(
        {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
            "rule_files": [str(DEPLOY / "alerts" / "*.yaml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports['alertmanager']}"]}]}]},
            "scrape_configs": [
                {
                    "job_name": "firstbell",
                    "file_sd_configs": [{"files": [str(folder / "targets.json")], "refresh_interval": "2s"}],
                },
                {
                    "job_name": "temporal",
                    "static_configs": [{"targets": [f"127.0.0.1:{ports['temporal_metrics']}"]}],
                },
            ],
        },
        indent=1,
    )
    configuration = folder / "prometheus.yaml"  # JSON is YAML
    write_whole(configuration, text)
    address = f"127.0.0.1:{ports['prometheus']}"
    argv = [str(program), f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    argv += [f"--web.listen-address={address}", "--log.level=warn"]
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    addresses = {"prometheus": address, "page": f"http://{address}"}
    return Wanted("prometheus", "server", tuple(argv), str(folder), addresses=addresses, fingerprint=digest)


def prepare_alertmanager(home: Home, ports: dict[str, int], say: Say) -> Wanted:
    """Writes a configuration that keeps alerts to itself; returns what the supervisor shall run."""
    program = tool("alertmanager", home, say)
    folder = home.folder / "alertmanager"
    folder.mkdir(exist_ok=True)
    for template in (program.parents[1] / "share" / "prometheus" / "alertmanager").glob("*.tmpl"):
        shutil.copy(template, folder)
    text = json.dumps({"route": {"receiver": "here"}, "receivers": [{"name": "here"}]}, indent=1)
    write_whole(folder / "alertmanager.yaml", text)
    address = f"127.0.0.1:{ports['alertmanager']}"
    argv = [str(program), f"--config.file={folder / 'alertmanager.yaml'}", f"--storage.path={folder / 'data'}"]
    argv += [f"--web.listen-address={address}", "--cluster.listen-address=", "--log.level=warn"]
    addresses = {"alertmanager": address, "page": f"http://{address}"}
    return Wanted("alertmanager", "server", tuple(argv), str(folder), addresses=addresses)
