"""TLS in front of a hub: the example for nginx, with a certificate made here and a real browser's
view of it."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from phtlab.processes.services import Service
from phtlab_hub.accounts import Account, hash_of, write_accounts
from phtlab_hub.settings import HubSettings
from tests.hub.running_hub import CONFIG, hub_folder, running_hub
from tests.hub.session import HubSession, new_client
from tests.limits import LIMIT
from tests.real_registry import answers, free_port

EXAMPLE = CONFIG / "tls" / "nginx.conf"
PASSWORD = "correct horse 1"
NAME = "localhost"


@dataclass(frozen=True)
class Front:
    """A TLS server before a hub: https at `url`, plain http at `plain`; the proxy at `listen`."""

    url: str
    plain: str
    listen: str
    certificate: Path
    hub: Service

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


def _certificate(place: Path) -> tuple[Path, Path]:
    """A self-signed certificate for NAME, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = place / "fullchain.pem", place / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


def _configuration(place: Path, listen: str, ports: tuple[int, int]) -> str:
    """The example with what its readers put in, within the least that nginx needs around it."""
    plain, secure = ports
    mine = {
        "HUB.EXAMPLE.ORG": NAME,
        "/etc/ssl/hub/": f"{place}/",
        "http://127.0.0.1:8000": f"http://{listen}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "https://$host$request_uri": f"https://$host:{secure}$request_uri",
    }
    example = EXAMPLE.read_text()
    for theirs, ours in mine.items():
        assert theirs in example, theirs
        example = example.replace(theirs, ours)
    paths = "".join(
        f"{kind}_temp_path {place}/temporary;\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\npid {place}/nginx.pid;\nevents {{ worker_connections 256; }}\n"
        f"http {{\naccess_log off;\n{paths}{example}\n}}\n"
    )


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert nginx, "install the Debian package nginx-light"
    place = tmp_path_factory.mktemp("tls")
    (place / "temporary").mkdir()
    certificate, _ = _certificate(place)
    ports = free_port(), free_port()
    url = f"https://{NAME}:{ports[1]}"
    settings = f'public_url = "{url}"\ntrusted_proxies = ["127.0.0.1"]\n'
    # Whatever answers stands for central, which no test here asks.
    folder = hub_folder(place / "hub", f'central = "http://127.0.0.1:{ports[0]}"\n{settings}')
    write_accounts(
        folder / "accounts.toml",
        {"ada": Account(password=hash_of(PASSWORD), groups=("researcher",))},
    )
    written = place / "nginx.conf"
    listen = HubSettings.load(folder).listen
    written.write_text(_configuration(place, listen, ports))
    command = [nginx, "-e", "stderr", "-p", str(place), "-c", str(written)]
    tls = Service("tls", command, place, {})
    tls.start()
    try:
        tls.wait_until(lambda: answers(ports[1]))
        with running_hub(folder) as hub:
            yield Front(url, f"http://{NAME}:{ports[0]}", listen, certificate, hub)
    finally:
        tls.stop()


@pytest.fixture
def session(front: Front) -> Iterator[HubSession]:
    with HubSession(front.url, verify=front.trust) as session:
        yield session


def test_a_login_through_tls(session: HubSession) -> None:
    session.logged_in("ada", PASSWORD)
    assert session.me()["name"] == "ada"


def test_every_cookie_is_for_tls_alone(session: HubSession) -> None:
    page = session.http.get("/hub/login")
    login = session.login("ada", PASSWORD)
    cookies = [*page.headers.get_list("set-cookie"), *login.headers.get_list("set-cookie")]
    assert len(cookies) > 2
    for cookie in cookies:
        assert "secure" in cookie.lower().split("; "), cookie
        assert "samesite=lax" in cookie.lower().split("; "), cookie


def test_a_browser_remembers_that_there_is_tls(session: HubSession) -> None:
    page = session.http.get("/hub/login")
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_without_tls_one_is_led_to_it(front: Front) -> None:
    with httpx.Client(trust_env=False, timeout=LIMIT) as http:
        answer = http.get(f"{front.plain}/hub/login?next=%2Fhub%2Fhome")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{front.url}/hub/login?next=%2Fhub%2Fhome"


def test_the_log_has_the_browsers_address_and_nobody_makes_up_another(
    front: Front, session: HubSession
) -> None:
    lie = "203.0.113.9"
    session.http.get("/hub/login?seen=1", headers={"X-Forwarded-For": lie, "X-Real-IP": lie})
    # Past the TLS server, which replaces both; the proxy passes X-Real-IP on.
    with new_client(f"http://{front.listen}") as http:
        http.get("/hub/login?seen=2", headers={"X-Real-IP": lie})
        http.get("/hub/health")  # a request is logged before the next one is answered
    lines = [line for line in front.hub.log.read_text().splitlines() if "seen=" in line]
    assert len({line.partition("seen=")[2][0] for line in lines}) == 2
    assert all("@127.0.0.1)" in line for line in lines), lines
