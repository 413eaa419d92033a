"""Accounts of this hub alone, if there is no single sign-on: a file of hashed passwords.

    python -m phtlab_hub.accounts hub/accounts.toml dr-lovelace researcher

asks for a password and writes the account; `--remove` removes it. The hub reads the file at each
login, and again while someone is signed in: within a minute, a person removed from it is signed
out, and a person with other groups has other roles.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import secrets
import sys
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Final

from jupyter_server.auth.security import passwd, passwd_check
from jupyterhub.auth import Authenticator
from pydantic import StringConstraints, TypeAdapter, ValidationError
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets import List, Unicode

from phtlab.errors import SettingsError
from phtlab.files.durable_file import write_durably
from phtlab.strict_model import StrictModel
from phtlab.train.crypto.identity import MemberName
from phtlab.validation_summary import validation_summaries
from phtlab_hub.browser_address import browser_address
from phtlab_hub.roles import GROUPS
from phtlab_hub.settings import HubSettings, require_private
from phtlab_hub.throttle import LoginThrottle

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 1024
# Some seconds of hashing: later logins get an error rather than a long wait.
MOST_WAITING: Final = 32


class Account(StrictModel):
    """One account: a password's argon2 hash, and the groups that give its roles."""

    password: Annotated[str, StringConstraints(pattern=r"^argon2:\$argon2id\$")]
    groups: tuple[str, ...] = ()


Accounts = Mapping[MemberName, Account]
_ACCOUNTS: Final = TypeAdapter(dict[MemberName, Account])


def hash_of(password: str) -> str:
    """Return the argon2id hash of `password`. Raises SettingsError if it is too short or long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise SettingsError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters."
        )
    return str(passwd(password, "argon2"))


def read_accounts(path: Path) -> Accounts:
    """Read the accounts in `path`. Raises SettingsError, which contains no password."""
    try:
        text = path.read_text()
        require_private(path)
        accounts = _ACCOUNTS.validate_python(tomllib.loads(text))
    except FileNotFoundError:
        raise SettingsError(
            f"There is no {path}.",
            f"Add an account: python -m phtlab_hub.accounts {path} NAME GROUP",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsError(f"{path} is not TOML: {wrong}.", code="accounts-toml") from None
    except ValidationError as wrong:
        reasons = "; ".join(map(str, validation_summaries(wrong)))
        raise SettingsError(f"{path} cannot be used: {reasons}.", code="accounts-form") from None
    for name, account in accounts.items():
        for group in set(account.groups).difference(GROUPS):
            raise SettingsError(
                f"{path} puts {name} into '{group}'.",
                f"The groups are {', '.join(GROUPS)}.",
                code="accounts-group",
            )
    return accounts


def write_accounts(path: Path, accounts: Accounts) -> None:
    """Replace the whole file, readable by its owner only."""
    lines = ["# Accounts of this hub; 'python -m phtlab_hub.accounts' writes them.\n"]
    for name, account in sorted(accounts.items()):
        lines.append(
            f"\n[{name}]\npassword = {json.dumps(account.password)}\n"
            f"groups = {json.dumps(list(account.groups))}\n"
        )
    write_durably(path, "".join(lines).encode())


class LocalAccounts(Authenticator):
    """Authenticator by `file`. An unknown name takes as long as a wrong password."""

    file = Unicode(help="The account file").tag(config=True)
    trusted_proxies = List(
        Unicode(), help="The TLS servers in front, whose report of a browser's address is trusted"
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.manage_groups = True
        self.any_allow_config = True
        self.throttle = LoginThrottle()
        self._nobody = hash_of(secrets.token_urlsafe(32))
        # Hashing is costly on purpose: two at a time, so that many logins do not stop the hub.
        self._hashing = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._waiting = 0

    async def authenticate(self, handler: Any, data: Mapping[str, str]) -> dict[str, Any] | None:
        """Return the account's name and groups; None if name or password is wrong.

        Raises HTTPError 429 after many wrong passwords; 503 if too many logins wait already, or
        the file cannot be read.
        """
        name = self.normalize_username(data.get("username", ""))[:64]
        password = data.get("password", "")[:LONGEST_PASSWORD]
        address = browser_address(handler.request, self.trusted_proxies)
        seconds = self.throttle.wait(name, address)
        if seconds > 0:
            raise HTTPError(
                429, f"Too many wrong passwords. Wait {int(seconds) + 1} seconds, then try again."
            )
        if self._waiting >= MOST_WAITING:
            raise HTTPError(
                503,
                "Many people are logging in at this moment. Wait a few seconds, then try again.",
            )
        account = self._accounts().get(name)
        expected = self._nobody if account is None else account.password
        # Counted before the result is known, so that simultaneous tries count too.
        self.throttle.failed(name, address)
        right = await self._is_right(expected, password)
        if account is None or not right:
            return None
        self.throttle.passed(name, address)
        return self._model(name, account)

    async def _is_right(self, expected: str, password: str) -> bool:
        """Whether `password` matches the hash.

        It counts as waiting until its hash is computed, even if the client has gone: a hashing
        thread cannot be stopped.
        """
        hashing = IOLoop.current().run_in_executor(self._hashing, passwd_check, expected, password)
        self._waiting += 1
        hashing.add_done_callback(self._release_slot)
        return bool(await asyncio.shield(hashing))

    def _release_slot(self, _: object) -> None:
        self._waiting -= 1

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Return the account's present groups; False if the account was removed."""
        account = self._accounts().get(user.name)
        return False if account is None else self._model(user.name, account)

    def check_allowed(self, username: str, authentication: Any = None) -> bool:
        """Whether `username` has an account."""
        return username in self._accounts()

    def _accounts(self) -> Accounts:
        try:
            return read_accounts(Path(self.file))
        except SettingsError as wrong:
            self.log.error("%s", wrong)
            raise HTTPError(
                503, "The hub cannot read its accounts. Its operator finds why in the hub's log."
            ) from None

    @staticmethod
    def _model(name: str, account: Account) -> dict[str, Any]:
        return {"name": name, "groups": list(account.groups), "admin": False}


def apply(c: Any, settings: HubSettings) -> None:
    """Authenticate by the account file. Raises SettingsError if it is missing or invalid."""
    read_accounts(settings.accounts)
    c.JupyterHub.authenticator_class = LocalAccounts
    c.LocalAccounts.file = str(settings.accounts)
    c.LocalAccounts.trusted_proxies = list(settings.trusted_proxies)
    c.Authenticator.auth_refresh_age = 60
    c.Authenticator.refresh_pre_spawn = True


def main(arguments: list[str] | None = None) -> None:
    """Add, change or remove an account."""
    parser = argparse.ArgumentParser(
        prog="python -m phtlab_hub.accounts", description="Add, change or remove an account."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("name")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--remove", action="store_true")
    arguments_given = parser.parse_args(arguments)
    try:
        _change(arguments_given)
    except SettingsError as wrong:
        parser.exit(1, f"{wrong}\n")


def _change(options: argparse.Namespace) -> None:
    accounts = dict(read_accounts(options.file)) if options.file.exists() else {}
    if options.remove:
        if accounts.pop(options.name, None) is None:
            raise SettingsError(f"There is no account {options.name} in {options.file}.")
    else:
        unknown = sorted(set(options.groups).difference(GROUPS))
        if unknown or not options.groups:
            raise SettingsError(f"Name groups of these: {', '.join(GROUPS)}.")
        try:
            TypeAdapter(MemberName).validate_python(options.name)
        except ValidationError:
            raise SettingsError(
                "An account's name is a-z, 0-9 and '-', as the name of a member on the roster."
            ) from None
        accounts[options.name] = Account(
            password=hash_of(_read_password()), groups=tuple(options.groups)
        )
    write_accounts(options.file, accounts)


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise SettingsError("The two are not the same.")
    return password


if __name__ == "__main__":
    main()
