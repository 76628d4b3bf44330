"""The key that signs heads: Ed25519, made once, readable by its owner alone, never in the database.

Called by the room at its start and by `firstbell audit`. It never makes a second key beside heads that another
signed: a lost key is told, and a person decides.
"""

import contextlib
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.model import Digest
from services.kit.outcome import PermanentError
from services.kit.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# cryptography is loaded where a key is used: it costs 60 ms, and most commands of the room use none.

PUBLIC_FILE = "audit.pub"
"""The public key in the heads' folder; whoever must not trust that folder keeps a copy of their own."""


def key_file(settings: Settings) -> Path:
    """Where the private key lies."""
    return settings.audit_key_file or settings.home / "audit" / "key.pem"


def heads_folder(settings: Settings) -> Path:
    """Where heads are kept; best on another machine's disk than the database's."""
    return settings.audit_heads_folder or settings.home / "audit" / "heads"


@dataclass(frozen=True, slots=True)
class Signer:
    """The private key at work."""

    key: "Ed25519PrivateKey"

    @property
    def public(self) -> "Verifier":
        """Its public half."""
        return Verifier(self.key.public_key())

    def sign(self, document: bytes) -> str:
        """The signature in hexadecimal."""
        signature: bytes = self.key.sign(document)
        return signature.hex()


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public key: all that is needed to trust a head."""

    key: "Ed25519PublicKey"

    @property
    def key_id(self) -> Digest:
        """The digest of its 32 bytes."""
        raw: bytes = self.key.public_bytes_raw()
        return "sha256:" + sha256(raw).hexdigest()

    def stands(self, document: bytes, signature: str) -> bool:
        """Whether this key signed the document."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(bytes.fromhex(signature), document)
        except (InvalidSignature, ValueError):
            return False
        return True


def load_signer(settings: Settings, *, make: bool = False) -> Signer:
    """The private key; `make` makes one where there has never been one.

    Raises PermanentError for a key that is absent beside heads it has signed, unreadable, or readable by others.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    file = key_file(settings)
    if not file.exists():
        if not make or any(heads_folder(settings).glob("*.heads.jsonl")):
            raise PermanentError(
                f"audit_key_file: expected the key that signs heads at {file}, seen none; restore it from its backup, or "
                "correct the setting"
            )
        _make(file)
    if file.stat().st_mode & 0o077:
        raise PermanentError(f"audit_key_file: expected {file} to be its owner's alone; run `chmod 600 {file}`")
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise PermanentError(f"audit_key_file: expected an Ed25519 key in {file}, seen {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PermanentError(f"audit_key_file: expected an Ed25519 key in {file}, seen another kind")
    signer = Signer(key)
    _show(heads_folder(settings) / PUBLIC_FILE, signer.public)
    return signer


def _make(file: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
        out.flush()
        os.fsync(out.fileno())
    with contextlib.suppress(FileExistsError):  # another process was first, and its key is the key
        os.link(draft, file)
    draft.unlink()


def _show(file: Path, public: Verifier) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    pem: bytes = public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file.write_bytes(pem)


def load_verifier(settings: Settings, folder: Path | None = None, file: Path | None = None) -> Verifier | None:
    """The public key: from `file`, else beside the heads. None: there is none, so nothing was ever signed.

    Raises PermanentError for a file that is no Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    place = file or (folder or heads_folder(settings)) / PUBLIC_FILE
    if file is None and not place.exists():
        return None
    try:
        key = load_pem_public_key(place.read_bytes())
    except (OSError, ValueError) as error:
        raise PermanentError(f"{place}: expected an Ed25519 public key, seen {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PermanentError(f"{place}: expected an Ed25519 public key, seen another kind")
    return Verifier(key)
