"""Creation of a central's folder: settings, its two keys, and the registry's settings."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from phtlab.central.registry.token import certificate
from phtlab.central.settings import REGISTRY_FILE, SETTINGS_FILE, CentralSettings
from phtlab.errors import SettingsError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.trust_store.repository import load_root, online_public_key, root_fingerprint
from phtlab.wire.api.journeys import PREFIX

ONLINE_PUBLIC_FILE: Final = "online.pub.json"


@dataclass(frozen=True)
class Founded:
    """Files that `init_central` wrote. `online_key` is for the consortium's officers."""

    directory: Path
    settings: CentralSettings
    online_key: Path
    registry: Path


def init_central(
    directory: Path,
    *,
    name: str,
    listen: str = "127.0.0.1:8400",
    url: str = "",
    database: str = "",
    registry_url: str = "http://127.0.0.1:5400",
    root: bytes | None = None,
    now: datetime | None = None,
) -> Founded:
    """Create the folder of a new central for the consortium `name`.

    `url` is its address for members; empty: ``http://`` and `listen`. The private keys have mode
    0600. Raises SettingsError if `directory` holds a central already or a setting is invalid,
    RosterError if `root` is not a root; then nothing is written.
    """
    if (directory / SETTINGS_FILE).exists():
        raise SettingsError(
            f"{directory} holds a central already: nothing was changed.",
            f"Start it with 'phtlab central run {directory}', or name another folder.",
            code="central-folder",
        )
    values = {
        "name": name,
        "listen": listen,
        "url": url or f"http://{listen}",
        "registry_url": registry_url,
        **({"database": database} if database else {}),
    }
    settings = CentralSettings.of(directory, values)
    if root is not None:
        load_root(root)
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    online = Ed25519PrivateKey.generate()
    registry_key = ec.generate_private_key(ec.SECP256R1())
    _write_key(directory / "online-key.pem", online)
    _write_key(directory / "registry-key.pem", registry_key)
    write_durably(
        directory / "registry-cert.pem",
        certificate(registry_key, "phtlab-central", now or datetime.now(UTC)),
        0o644,
    )
    write_durably(
        directory / ONLINE_PUBLIC_FILE,
        json.dumps(online_public_key(online), indent=2).encode() + b"\n",
        0o644,
    )
    if root is not None:
        pin(directory, root)
    write_durably(directory / REGISTRY_FILE, registry_settings(settings).encode())
    # Last, because this file makes the folder a central.
    write_durably(directory / SETTINGS_FILE, _toml(values).encode())
    return Founded(directory, settings, directory / ONLINE_PUBLIC_FILE, directory / REGISTRY_FILE)


def new_online_key(directory: Path) -> Path:
    """Create a further online key; return its public file, for the officers.

    From its next start, central signs with whichever of its keys the consortium's root names.
    Raises SettingsError if there is no central at `directory`.
    """
    settings = CentralSettings.load(directory)
    number = len(settings.online_key_files) + 1
    while (path := directory / f"online-key.{number}.pem").exists():
        number += 1
    key = Ed25519PrivateKey.generate()
    _write_key(path, key)
    public = directory / f"online.{number}.pub.json"
    write_durably(public, json.dumps(online_public_key(key), indent=2).encode() + b"\n", 0o644)
    return public


def pin(directory: Path, root: bytes, *, replace: bool = False) -> str:
    """Pin the consortium's root; return its fingerprint, to compare by telephone.

    Raises RosterError if `root` is not a root, SettingsError if another root is pinned and
    `replace` is not set.
    """
    load_root(root)
    path = directory / "root.json"
    if path.exists() and path.read_bytes() != root and not replace:
        raise SettingsError(
            f"{directory} follows another root already, with the fingerprint "
            f"{root_fingerprint(path.read_bytes())}.",
            "If the consortium was founded again, pin the new one with --replace: what was "
            "published before is forgotten.",
            code="root-pinned",
        )
    write_durably(path, root, 0o644)
    return root_fingerprint(root)


def registry_settings(settings: CentralSettings) -> str:
    """Return the settings (YAML) of a CNCF Distribution registry that accepts central's tokens."""
    directory = settings.directory
    address = urlsplit(settings.registry_url)
    # Behind a proxy with TLS, the registry itself stays on loopback.
    listen = address.netloc if address.scheme == "http" else "127.0.0.1:5400"
    document: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "formatter": "json", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "registry")},
            "delete": {"enabled": True},
            "maintenance": {
                "uploadpurging": {
                    "enabled": True,
                    "age": "168h",
                    "interval": "24h",
                    "dryrun": False,
                }
            },
        },
        "http": {
            "addr": listen,
            "host": settings.registry_url,
            "secret": secrets.token_hex(32),
            "headers": {"X-Content-Type-Options": ["nosniff"]},
        },
        "auth": {
            "token": {
                "realm": f"{settings.url}{PREFIX}/registry/token",
                "service": settings.registry_service,
                "issuer": settings.registry_issuer,
                "rootcertbundle": str(settings.registry_certificate_file),
            }
        },
    }
    head = "# Written by 'phtlab central init'. Any CNCF Distribution registry reads it.\n"
    return head + _yaml(document)


def _yaml(value: dict[str, Any], indent: str = "") -> str:
    """Write mappings as YAML, and other values as JSON, which is YAML too."""
    lines = ""
    for name, item in value.items():
        if isinstance(item, dict):
            lines += f"{indent}{name}:\n{_yaml(item, indent + '  ')}"
        else:
            lines += f"{indent}{name}: {json.dumps(item)}\n"
    return lines


def _toml(values: dict[str, str]) -> str:
    head = (
        "# Central's settings. Each may also come from the environment, as PHTLAB_CENTRAL_NAME\n"
        "# for 'name'; docs/central.md lists them all.\n"
    )
    # A JSON string is a TOML basic string.
    return head + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def _write_key(path: Path, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        create_durably(path, pem)
    except FileExistsError:
        raise SettingsError(
            f"{path} exists: an earlier 'phtlab central init' did not end well.",
            "Remove what it left, or name another folder.",
            code="central-folder-left",
        ) from None
