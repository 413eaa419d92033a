"""The reverse proxy: the one address that workspaces reach, and the few paths behind it.

An nginx on the network's gateway forwards requests for the hub's API, central and the registry, and
refuses every other path. The three services themselves listen on the loopback only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import SettingsError
from phtlab.processes.services import Service

# A scheme and a host, with neither a path nor characters that could end an nginx directive.
_ADDRESS = re.compile(r"https?://(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

_CONFIGURATION = """\
# Written by phtlab each time the reverse proxy opens.
daemon off;
{user}worker_processes 1;
pid "{directory}/nginx.pid";
error_log stderr warn;
# Each workspace's connection is two of these: to the reverse proxy, and on from it.
worker_rlimit_nofile 32768;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  server_tokens off;
  default_type application/problem+json;
  client_body_temp_path "{directory}/temporary";
  proxy_temp_path "{directory}/temporary";
  fastcgi_temp_path "{directory}/temporary";
  uwsgi_temp_path "{directory}/temporary";
  scgi_temp_path "{directory}/temporary";

  # One workspace cannot take all connections, nor can some hundreds together.
  limit_conn_zone $binary_remote_addr zone=workspace:1m;
  limit_conn workspace 24;
  limit_conn_status 429;

  # Nothing is kept here: events arrive when they are sent, layers go through as they come.
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_http_version 1.1;
  proxy_read_timeout 600s;
  proxy_send_timeout 600s;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto http;
  proxy_set_header X-Real-IP $remote_addr;

  server {{
    listen {gateway}:{port};
    client_max_body_size 1m;

    # A path is judged as it is sent on: one that goes up again is none of ours.
    if ($request_uri ~* "/(\\.|%2e)+(/|%2f|%5c|\\?|#|$)") {{ return 404 '{nothing}'; }}

    location {base}hub/api/ {{
      proxy_pass {hub};
      error_page 502 504 @no_hub;
    }}
    location {base}services/central/ {{
      client_max_body_size 0;
      proxy_pass {central};
      error_page 502 504 @no_central;
    }}
    location /v2/ {{
      client_max_body_size 0;
      proxy_pass {registry};
      # Where an upload goes on, the registry knows by its own name only.
      proxy_redirect ~^https?://[^/]+(/v2/.*)$ http://$http_host$1;
      error_page 502 504 @no_registry;
    }}
    location / {{ return 404 '{nothing}'; }}

    location @no_hub {{ internal; return 502 '{no_hub}'; }}
    location @no_central {{ internal; return 502 '{no_central}'; }}
    location @no_registry {{ internal; return 502 '{no_registry}'; }}
  }}
}}
"""


@dataclass(frozen=True)
class ReverseProxy:
    """The reverse proxy at `gateway`:`port`; `hub`, `central` and `registry` are its targets.

    `base` is the hub's base URL. `directory` holds its configuration, log and process id.
    """

    directory: Path
    gateway: str
    port: int
    hub: str
    central: str
    registry: str
    base: str = "/"

    @property
    def url(self) -> str:
        return f"http://{self.gateway}:{self.port}"

    @property
    def service(self) -> Service:
        """nginx as a background process. `start` also writes its configuration."""
        nginx = shutil.which("nginx", path=_PATH) or "nginx"
        return Service(
            "reverse-proxy",
            (nginx, "-e", "stderr", "-p", str(self.directory), "-c", str(self._file)),
            self.directory,
            {},
        )

    def start(self) -> None:
        """Start the reverse proxy, and wait until it listens.

        Raises SettingsError if nginx is missing or refuses, UnreachableError with the log's end if
        it does not start.
        """
        self.write()
        service = self.service
        service.start()
        service.wait_until(self._is_open, 15)

    def stop(self) -> None:
        """Stop the reverse proxy. Does nothing if it does not run."""
        self.service.stop()

    def write(self) -> None:
        """Write nginx's configuration, and have nginx check it. Raises SettingsError."""
        require_nginx()
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "temporary").mkdir(exist_ok=True)
        self._file.write_text(self.configuration(), encoding="utf-8")
        checked = subprocess.run([*self.service.command, "-t"], capture_output=True, text=True)
        if checked.returncode:
            raise SettingsError(
                f"nginx does not take the reverse proxy's configuration: {checked.stderr.strip()}",
                code="reverse-proxy",
            )

    def configuration(self) -> str:
        """Return nginx's configuration. Raises SettingsError for an invalid address."""
        for url in (self.hub, self.central, self.registry):
            if not _ADDRESS.fullmatch(url):
                raise SettingsError(
                    f"'{url}' is no address to open the reverse proxy to; write it as "
                    "http://127.0.0.1:8400, without a path.",
                    code="reverse-proxy-address",
                )
        return _CONFIGURATION.format(
            # The master process opens the port and the log; the worker has no privileges.
            user="user nobody nogroup;\n" if os.geteuid() == 0 else "",
            directory=self.directory,
            gateway=self.gateway,
            port=self.port,
            base=f"/{self.base.strip('/')}/".replace("//", "/"),
            hub=self.hub.rstrip("/"),
            central=self.central.rstrip("/"),
            registry=self.registry.rstrip("/"),
            nothing=_problem(
                404,
                "reverse-proxy",
                "Nothing is here.",
                "From a workspace, only the hub's API, central and the registry can be reached.",
            ),
            no_hub=_problem(
                502, "unreachable", "The hub does not answer.", "It may be restarting."
            ),
            no_central=_problem(
                502,
                "central-unreachable",
                "Central does not answer.",
                "It may be restarting; journeys go on meanwhile.",
            ),
            no_registry=_problem(
                502,
                "registry-unreachable",
                "The registry does not answer.",
                "It may be restarting.",
            ),
        )

    @property
    def _file(self) -> Path:
        return self.directory / "nginx.conf"

    def _is_open(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.gateway, self.port)) == 0


def require_nginx() -> None:
    """Raise SettingsError if nginx is not installed."""
    if not shutil.which("nginx", path=_PATH):
        raise SettingsError(
            "The workspaces' reverse proxy is an nginx: 'apt-get install nginx-light'.",
            code="reverse-proxy",
        )


def _problem(status: int, code: str, detail: str, hint: str) -> str:
    """Return an answer in the form of phtlab's own refusals (RFC 9457), safe in single quotes."""
    content = {
        "type": "about:blank",
        "title": {404: "Not Found", 502: "Bad Gateway"}[status],
        "status": status,
        "code": code,
        "family": "central" if code == "reverse-proxy" else code,
        "detail": detail,
        "hint": hint,
    }
    return json.dumps(content).replace("'", "’")
