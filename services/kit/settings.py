"""One frozen `Settings` a process, built once at its door and passed as an argument.

Called by `__main__` modules and the command line; the environment is read nowhere else.
Refuses unknown keys in the file, so that a misspelt setting is an error and not a default.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ENVIRONMENT_PREFIX = "FIRSTBELL_"
STACK_FILE = "stack.toml"


class SettingsError(Exception):
    """A setting cannot be used; the message names it, what was expected and what was seen."""


class Settings(BaseModel):
    """Where the servers are and how this process behaves. Flag > environment > TOML file > default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Path(".firstbell")
    """State of this installation: the local stack's data, logs and `stack.toml`."""
    cache: Path | None = None
    """Downloads and builds shared by a user's homes. None in code: `<home>/cache`; loaded: the user's cache folder."""
    postgres_dsn: str = "postgresql://firstbell@127.0.0.1:5432/firstbell"
    kafka_bootstrap: str = "127.0.0.1:9092"
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    listen_host: str = "127.0.0.1"
    """Metrics and health listen on loopback unless told otherwise."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """0 lets the system choose; the chosen port is written to `<home>/ports/<process>.json`."""
    postgres_password_file: Path | None = None
    """None: the DSN needs no password (local stack, trust on loopback)."""
    kafka_security: str = Field(default="plaintext", pattern="^(plaintext|sasl-ssl)$")
    kafka_username: str | None = None
    kafka_password_file: Path | None = None
    kafka_ca_file: Path | None = None
    batch_records_max: int = Field(default=1000, ge=1, le=10_000)
    """Records a consumer takes in one transaction. Measured: the rate is flat past 500."""
    batch_wait_seconds: float = Field(default=0.05, gt=0, le=5)
    """How long a consumer waits to fill a batch: idle latency. Measured: 50-100 ms costs no throughput."""
    bad_share_stop_ratio: float = Field(default=0.5, gt=0, le=1)
    """A consumer stops, instead of dead-lettering everything, past this share of bad records. Our judgement."""
    bad_share_stop_minimum: int = Field(default=200, ge=1)
    """Records seen before the bad share is judged. Our judgement."""
    bridge_signals_per_second: float = Field(default=50, gt=0)
    """Temporal signals a second. Measured: the local server keeps p99 within 250 ms at 50."""
    bridge_company_seconds: float = Field(default=120, ge=0, le=3600)
    """How long a reading that moves no verdict waits for more of its school, so that one signal carries them all: each costs
    some 25 ms of CPU on its way, measured 2026-11-30. What a workflow shows may be older by that; a verdict never is."""
    bridge_starts_per_second: float = Field(default=50, gt=0)
    worker_sandboxed: bool = False
    """Temporal's sandbox costs half the throughput; the import law and replay guard purity instead."""
    worker_sticky_seconds: float = Field(default=5, ge=1, le=60)
    """How long Temporal waits for the worker that remembers a school before any may take it. Measured at 3: first fact 2 s
    after a kill, instead of 10. A worker as late as that is busy, and what comes back as a stranger makes it later."""
    worker_task_slots: int = Field(default=8, ge=1, le=200)
    """Measured: 8 workflow-task slots give the same throughput as 100 and a ninth of the latency."""
    worker_cached_schools: int = Field(default=1_000, ge=10, le=100_000)
    """Schools whose state a worker keeps in memory. One that is not there is replayed from its history when it wakes."""
    worker_replay_schools: int = Field(default=40, ge=0, le=10_000)
    """Histories of schools under way that a worker replays before it polls; only those another build decided last."""
    worker_replay_seconds: float = Field(default=20, gt=0, le=600)
    """How long that may take; then it polls on what was seen. Measured: 605 events replay in 90-210 ms."""
    audit_key_file: Path | None = None
    """The Ed25519 key that signs the audit's heads. None: `<home>/audit/key.pem`; made, mode 0600, at first start."""
    audit_heads_folder: Path | None = None
    """Signed heads, outside the database. None: `<home>/audit/heads`; better another disk than the database's."""
    audit_seal_seconds: float = Field(default=15, gt=0)
    """Seconds between two rounds of signing. Our judgement, 2026-11-25: what a cut may hide in is this long."""
    notifier_gather_seconds: float = Field(default=900, ge=0, le=86_400)
    """How long what is not urgent waits for more, so that a person gets one digest. Our judgement, 2026-11-25."""
    notifier_oldest_hours: float = Field(default=24, gt=0, le=8760)
    """Facts older than this are recorded and not told: a new or restored notifier tells no old news. Our judgement."""
    notifier_pagerduty_url: str = Field(default="https://events.pagerduty.com/v2/enqueue", pattern="^https?://")
    log_json: bool | None = None
    """None: JSON unless standard error is a terminal."""


def home_of(environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Path:
    """The home folder: flag, then FIRSTBELL_HOME, then `.firstbell` in the current folder."""
    given = (flags or {}).get("home") or environment.get(ENVIRONMENT_PREFIX + "HOME")
    return Path(given).expanduser().resolve() if given else Path.cwd() / ".firstbell"


def cache_of(environment: Mapping[str, str]) -> Path:
    """The user's cache folder: XDG_CACHE_HOME, then `~/.cache`."""
    given = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given).expanduser() / "firstbell"


def use_home(home: Path) -> None:
    """Makes `home` the home folder of this process and of those it starts, as FIRSTBELL_HOME would."""
    os.environ[ENVIRONMENT_PREFIX + "HOME"] = str(home.resolve())


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Merges flags, `FIRSTBELL_*`, `<home>/stack.toml` and defaults, in that order of precedence.

    Reads the process environment when none is given. Raises SettingsError naming the setting.
    """
    environment = os.environ if environment is None else environment
    home = home_of(environment, flags)
    merged: dict[str, Any] = {}
    source: dict[str, str] = {}
    file = home / STACK_FILE
    if file.exists():
        try:
            merged.update(tomllib.loads(file.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}: expected TOML, seen: {error}; remove it and start the stack again") from error
        source.update(dict.fromkeys(merged, str(file)))
    for name in Settings.model_fields:
        variable = ENVIRONMENT_PREFIX + name.upper()
        if variable in environment:
            merged[name], source[name] = environment[variable], variable
    for name, value in (flags or {}).items():
        if value is not None:
            merged[name], source[name] = value, f"--{name.replace('_', '-')}"
    merged["home"] = home
    merged.setdefault("cache", cache_of(environment))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise SettingsError(
            f"setting {name} from {source.get(name, 'defaults')}: {first['msg']}; seen {first.get('input')!r}"
        ) from error
