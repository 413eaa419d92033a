"""Two users, each in a container of the workspace image: what each has, and all that neither can.

A real JupyterHub, real containers, a real reverse proxy; central and a registry behind it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator

import docker
import httpx
import pytest
from docker.models.containers import Container

from phtlab.kernel.build import BuiltKernel
from phtlab_spawner import WorkspaceNetwork
from tests.limits import LIMIT
from tests.spawner.container_hub import ContainerHub, run

pytestmark = pytest.mark.engine

MEGA = 1 << 20

# What connecting to each address comes to: "open", or the error's name.
_CONNECT = """
import errno, json, socket
from concurrent.futures import ThreadPoolExecutor
def come(place):
    try:
        socket.create_connection(tuple(place), timeout=3).close()
        return "open"
    except TimeoutError:
        return "TimeoutError"
    except socket.gaierror as wrong:
        return "gaierror"
    except OSError as wrong:
        return errno.errorcode[wrong.errno]
with ThreadPoolExecutor(40) as pool:
    print(json.dumps(list(pool.map(come, PLACES))))
"""


def reached(container: Container, *places: tuple[str, int]) -> list[str]:
    return list(run(container, f"PLACES = {list(places)}\n{_CONNECT}"))


def address(container: Container, network: str) -> str:
    container.reload()
    return str(container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"])


@pytest.fixture(scope="module")
def ada(hub: ContainerHub) -> Container:
    return hub.started("ada")


@pytest.fixture(scope="module")
def grace(hub: ContainerHub) -> Container:
    return hub.started("grace")


@pytest.fixture
def listening(network: WorkspaceNetwork) -> Iterator[Callable[[str], int]]:
    """Listen at an address of this machine, as a service might that somebody forgot."""
    open_now: list[socket.socket] = []

    def listen(host: str) -> int:
        server = socket.create_server((host, 0))
        open_now.append(server)
        return int(server.getsockname()[1])

    yield listen
    for server in open_now:
        server.close()


# One from the other


def test_neither_reaches_the_others_server(
    hub: ContainerHub, ada: Container, grace: Container, network: WorkspaceNetwork
) -> None:
    theirs, own = address(grace, network.name), address(ada, network.name)
    assert theirs != own
    assert reached(ada, ("127.0.0.1", 8888), (own, 8888)) == ["open", "open"], "it listens"
    for port in (8888, 22, 80, 443):
        assert reached(ada, (theirs, port)) != ["open"]
    assert reached(grace, (own, 8888)) != ["open"]
    # By all names under which an engine might know it.
    names = [str(grace.name), str(grace.id)[:12], f"{grace.name}.{network.name}"]
    assert "open" not in reached(ada, *((name, 8888) for name in names))


def test_nor_sees_what_the_other_does(ada: Container, grace: Container) -> None:
    """No process, no name, no shared memory. (That an address is taken, ARP tells.)"""
    grace.exec_run(["sh", "-c", "echo x > /dev/shm/of-grace"])
    users, name, shared = run(
        ada,
        "import json, os, socket\n"
        "ids = [i for i in os.listdir('/proc') if i.isdigit()]\n"
        "users = {os.stat('/proc/' + i).st_uid for i in ids}\n"
        "print(json.dumps([sorted(users), socket.gethostname(), os.listdir('/dev/shm')]))",
    )
    assert users == [65532]
    assert name == "workspace", "everyone's has the same"
    assert "of-grace" not in shared


def test_the_hubs_token_of_one_does_not_open_the_others_server(
    hub: ContainerHub, ada: Container, grace: Container
) -> None:
    of_server = str(
        run(ada, "import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))")
    )
    of_person = hub.token("ada")
    with httpx.Client(base_url=hub.url, trust_env=False, timeout=30) as http:

        def opened(user: str, token: str) -> int:
            return http.get(
                f"/user/{user}/api/status", headers={"Authorization": f"token {token}"}
            ).status_code

        assert opened("ada", of_person) == 200
        assert opened("ada", of_server) == 200
        assert opened("grace", hub.token("grace")) == 200
        for token in (of_person, of_server, "none"):
            assert opened("grace", token) == 403
        for path in ("/user/grace/lab", "/user/grace/phtlab/stations", "/user/grace/files/x"):
            answer = http.get(path, headers={"Authorization": f"token {of_person}"})
            assert answer.status_code in (302, 403), path


def test_a_servers_token_does_no_more_than_it_must(hub: ContainerHub, ada: Container) -> None:
    """What code in a notebook can ask the hub for, through the reverse proxy."""
    asked = run(
        ada,
        "import json, os, urllib.request, urllib.error\n"
        "def ask(method, path):\n"
        "    request = urllib.request.Request(os.environ['JUPYTERHUB_API_URL'] + path,\n"
        "        method=method, headers={'Authorization': 'token ' +\n"
        "        os.environ['JUPYTERHUB_API_TOKEN']}, data=b'{}' if method == 'POST' else None)\n"
        "    try:\n"
        "        return urllib.request.urlopen(request).status\n"
        "    except urllib.error.HTTPError as refused:\n"
        "        return refused.code\n"
        "print(json.dumps({f'{m} {p}': ask(m, p) for m, p in [\n"
        "    ('GET', '/user'), ('POST', '/users/ada/activity'), ('GET', '/users'),\n"
        "    ('GET', '/users/grace'), ('GET', '/users/ada/tokens'),\n"
        "    ('POST', '/users/ada/tokens'),\n"
        "    ('DELETE', '/users/grace/server'), ('POST', '/users/grace/server'),\n"
        "    ('GET', '/proxy'), ('GET', '/services'), ('GET', '/groups'),\n"
        "    ('POST', '/shutdown')]}))",
    )
    assert asked.pop("GET /user") == 200
    assert asked.pop("POST /users/ada/activity") in (200, 400), "it may, with a time"
    assert set(asked.values()) <= {403, 404}, asked


# The machine and the world outside


def test_there_is_no_way_to_the_engine(ada: Container, proxy_host: str) -> None:
    found = run(
        ada,
        "import json, os, glob\n"
        "paths = ['/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock',\n"
        "         '/run/podman/podman.sock', '/var/run/crio/crio.sock', '/.dockerenv-sock']\n"
        "import pathlib\n"
        "sockets = [str(p) for top in ('/run', '/var/run', '/tmp') for p in"
        " pathlib.Path(top).rglob('*') if p.is_socket()]\n"
        "abstract = [line.split()[-1] for line in open('/proc/net/unix') if '@' in line]\n"
        "print(json.dumps([[p for p in paths if os.path.exists(p)], sockets, abstract,\n"
        "    [name for name in os.environ if 'DOCKER' in name]]))",
    )
    paths, sockets, abstract, environment = found
    assert paths == abstract == environment == []
    # The server's own: by it kernels ask for the key that was unlocked.
    assert all(place.startswith("/tmp/phtlab-") for place in sockets), sockets
    ports = (2375, 2376, 2377, 7946, 10250)
    assert "open" not in reached(ada, *((proxy_host, port) for port in ports))
    mounts = str(run(ada, "import json; print(json.dumps(open('/proc/self/mountinfo').read()))"))
    assert "docker.sock" not in mounts


def test_of_this_machine_only_the_door_is_reached(
    hub: ContainerHub,
    ada: Container,
    proxy_host: str,
    network: WorkspaceNetwork,
    listening: Callable[[str], int],
) -> None:
    forgotten = listening(proxy_host)
    assert socket.create_connection((proxy_host, forgotten), timeout=5).close() is None
    assert reached(ada, (proxy_host, network.port)) == ["open"]
    others = [forgotten, hub.browsers, 22, 80, 443, 111, 5432]
    behind = [hub.reverse_proxy.hub, hub.reverse_proxy.central, hub.reverse_proxy.registry]
    others += [int(url.rpartition(":")[2]) for url in behind]
    for host in (proxy_host, "172.17.0.1"):
        assert "open" not in reached(ada, *((host, port) for port in others))


def test_nor_anything_of_the_world_outside(ada: Container, proxy_host: str) -> None:
    outside = [
        ("192.0.2.1", 80),
        ("198.51.100.7", 443),
        ("169.254.169.254", 80),  # where clouds tell of themselves
        ("224.0.0.251", 5353),
        ("10.0.0.1", 22),
        ("2001:db8::1", 443),
        ("fe80::1", 443),
        ("example.org", 443),
        ("host.docker.internal", 80),
    ]
    assert "open" not in reached(ada, *outside)
    # Questions for names go to the reverse proxy, which answers none.
    resolver = str(run(ada, "import json; print(json.dumps(open('/etc/resolv.conf').read()))"))
    servers = [line.split()[1] for line in resolver.splitlines() if line.startswith("nameserver")]
    assert servers in (["127.0.0.11"], [proxy_host])


def test_nor_by_udp_icmp_or_packets_of_its_own(ada: Container, proxy_host: str) -> None:
    """A question by UDP to a listener at the gateway is not heard."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((proxy_host, 0))
        ear.settimeout(1)
        port = ear.getsockname()[1]
        told = run(
            ada,
            "import json, socket\n"
            "told = []\n"
            "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:\n"
            f"    mouth.sendto(b'heard?', ({proxy_host!r}, {port}))\n"
            "for family, kind, number in ((socket.AF_INET, socket.SOCK_RAW, 1),\n"
            "                             (socket.AF_PACKET, socket.SOCK_RAW, 0)):\n"
            "    try:\n"
            "        socket.socket(family, kind, number).close(); told.append('made')\n"
            "    except PermissionError:\n"
            "        told.append('refused')\n"
            "print(json.dumps(told))",
        )
        assert told == ["refused", "refused"]
        with pytest.raises(TimeoutError):
            ear.recv(100)


def test_the_door_answers_what_a_workspace_needs_and_nothing_else(ada: Container) -> None:
    told = run(
        ada,
        "import json, os, urllib.request, urllib.error\n"
        "reverse_proxy = os.environ['PHTLAB_REGISTRY']\n"
        "def ask(path):\n"
        "    try:\n"
        "        return urllib.request.urlopen(reverse_proxy + path).status\n"
        "    except urllib.error.HTTPError as refused:\n"
        "        return refused.code\n"
        "paths = ['/hub/api/', '/services/central/api/v1/healthz', '/v2/', '/', '/hub/login',\n"
        "         '/hub/home', '/hub/admin', '/user/grace/api/status', '/user/ada/lab',\n"
        "         '/hub/api/../login', '/services/other/']\n"
        "print(json.dumps({path: ask(path) for path in paths}))",
    )
    assert told["/hub/api/"] == 200
    assert told["/services/central/api/v1/healthz"] in (200, 401, 404)
    assert told["/v2/"] in (200, 401)
    rest = [path for path in told if path not in ("/hub/api/", "/v2/")]
    assert all(told[path] == 404 for path in rest if "central" not in path), told


# What a workspace is


def test_the_kernel_in_lab_is_the_stations_own_layer_by_layer(
    engine: docker.DockerClient, ada: Container, kernel_image: str, built_kernel: BuiltKernel
) -> None:
    engine.images.pull(kernel_image)
    station: list[str] = engine.images.get(kernel_image).attrs["RootFS"]["Layers"]
    workspace: list[str] = engine.images.get(str(ada.attrs["Image"])).attrs["RootFS"]["Layers"]
    assert len(station) == 3
    assert workspace[: len(station)] == station
    labels = engine.images.get(str(ada.attrs["Image"])).labels
    assert labels["org.phtlab.kernel"] == built_kernel.image.digest


def test_nothing_of_the_kernels_is_hidden_by_what_lies_on_top(
    ada: Container, engine: docker.DockerClient, kernel_image: str
) -> None:
    """Each package that a station's notebook imports is the same version from the same place."""
    code = (
        "import json, importlib\n"
        "names = ['numpy', 'pandas', 'matplotlib', 'ipykernel', 'phtlab.runtime']\n"
        "found = [importlib.import_module(n) for n in names]\n"
        "print(json.dumps([[m.__name__, getattr(m, '__version__', ''), m.__file__]"
        " for m in found]))"
    )
    engine.images.pull(kernel_image)
    alone = engine.containers.create(
        kernel_image, ["-c", code], entrypoint="python3", network_mode="none"
    )
    try:
        alone.start()
        assert alone.wait(timeout=LIMIT)["StatusCode"] == 0, alone.logs()
        assert run(ada, code) == json.loads(alone.logs(stderr=False))
    finally:
        alone.remove(force=True)


def test_a_cell_runs_in_it_as_the_station_would_run_it(hub: ContainerHub, ada: Container) -> None:
    """A kernel through Lab's own API, and one cell by its websocket's protocol."""
    with _as(hub, "ada") as http:
        specs = http.get("/api/kernelspecs").json()
        assert list(specs["kernelspecs"]) == ["python3"]
        kernel = http.post("/api/kernels", json={"name": "python3"})
        assert kernel.status_code == 201, kernel.text
        connection = run(
            ada,
            "import glob, json; print(json.dumps(glob.glob("
            f"'/home/analyst/.local/share/jupyter/runtime/kernel-{kernel.json()['id']}.json')))",
        )
        assert len(connection) == 1, "its connection file is in the home, for its user only"
        answer = run(
            ada,
            "import json, jupyter_client\n"
            f"client = jupyter_client.BlockingKernelClient(connection_file={connection[0]!r})\n"
            "client.load_connection_file(); client.start_channels(hb=False)\n"
            "client.wait_for_ready(30)\n"
            "said = []\n"
            "client.execute_interactive('import phtlab; print(6 * 7)', timeout=30,\n"
            "    output_hook=lambda m: said.append(m['content'].get('text', '')))\n"
            "client.stop_channels()\n"
            "print(json.dumps(''.join(said)))",
        )
        assert answer == "42\n"
        assert http.delete(f"/api/kernels/{kernel.json()['id']}").status_code == 204


def test_lab_has_phtlabs_extension_and_its_server(hub: ContainerHub, ada: Container) -> None:
    listed = ada.exec_run(["jupyter", "labextension", "list"])
    words = listed.output.decode()
    assert "phtlab" in words
    line = next(line for line in words.splitlines() if line.strip().startswith("phtlab "))
    assert "enabled" in line
    assert "OK" in line
    with _as(hub, "ada") as http:
        page = re.search(
            r'<script id="jupyter-config-data"[^>]*>(.*?)</script>',
            http.get("/lab").text,
            re.DOTALL,
        )
        assert page, "Lab's page has no settings"
        federated = {one["name"]: one for one in json.loads(page[1])["federated_extensions"]}
        entry = federated["phtlab"]["load"]
        assert http.get(f"/lab/extensions/phtlab/{entry}").status_code == 200
        # Its own refusal or answer, not the server's page for what is not there.
        assert http.get("/phtlab/stations").status_code != 404


def _as(hub: ContainerHub, user: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{hub.url}/user/{user}",
        headers={"Authorization": f"token {hub.token(user)}"},
        trust_env=False,
        timeout=60,
    )


# Rights and limits


def test_it_has_no_rights(ada: Container) -> None:
    host = ada.attrs["HostConfig"]
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["ReadonlyRootfs"] is True
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["PidMode"] == ""
    assert host["IpcMode"] == "private"
    assert not host["Devices"]
    status = dict(
        line.split(":\t", 1)
        for line in str(
            run(ada, "import json; print(json.dumps(open('/proc/1/status').read()))")
        ).splitlines()
    )
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split() == ["65532"] * 4
    assert status["Gid"].split() == ["65532"] * 4
    assert status.get("Groups", "").strip() in ("", "65532")


def test_only_home_and_tmp_can_be_written_to(ada: Container) -> None:
    told = run(
        ada,
        "import json, os\n"
        "def write(place):\n"
        "    try:\n"
        "        with open(place + '/probe', 'w') as f: f.write('x')\n"
        "        os.unlink(place + '/probe'); return 'written'\n"
        "    except OSError as wrong:\n"
        "        return type(wrong).__name__ + ' ' + str(wrong.errno)\n"
        "places = ['/home/analyst', '/tmp', '/', '/etc', '/usr/local/bin', '/usr/local/lib',\n"
        "    '/usr/local/etc/jupyter', '/etc/phtlab', '/var/tmp', '/root', '/opt',\n"
        "    '/sys/fs/cgroup']\n"
        "print(json.dumps({place: write(place) for place in places if os.path.isdir(place)}))",
    )
    assert told.pop("/home/analyst") == "written"
    assert told.pop("/tmp") == "written"
    assert "written" not in told.values(), told
    assert len(told) > 6


def test_the_root_of_trust_is_there_to_read_only(ada: Container, hub: ContainerHub) -> None:
    told = run(
        ada,
        "import json, os\n"
        "path = os.environ['PHTLAB_ROOT']\n"
        "try:\n"
        "    open(path, 'a'); could = True\n"
        "except OSError: could = False\n"
        "print(json.dumps([path, open(path).read(), could]))",
    )
    assert told == ["/etc/phtlab/root.json", hub.root.read_text(), False]


def test_its_size_is_its_groups(ada: Container) -> None:
    host = ada.attrs["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 1 << 30
    # (Where an engine counts in periods of 100 ms.)
    assert host["CpuQuota"] / (host["CpuPeriod"] or 100_000) == 1.5
    assert host["PidsLimit"] == 200
    limits = run(
        ada,
        "import json, os, resource\n"
        "tmp = os.statvfs('/tmp')\n"
        "print(json.dumps([resource.getrlimit(resource.RLIMIT_NOFILE),\n"
        "    tmp.f_blocks * tmp.f_frsize]))",
    )
    assert limits == [[4096, 4096], 64 * MEGA]


def test_too_many_processes_are_refused_to_it_and_harm_nobody(
    hub: ContainerHub, ada: Container, grace: Container
) -> None:
    made = run(
        ada,
        "import json, os, signal, time\n"
        "children, told = [], ''\n"
        "try:\n"
        "    while len(children) < 1000:\n"
        "        child = os.fork()\n"
        "        if child == 0:\n"
        "            time.sleep(60); os._exit(0)\n"
        "        children.append(child)\n"
        "except BlockingIOError:\n"
        "    told = 'EAGAIN'\n"
        "for child in children: os.kill(child, signal.SIGKILL)\n"
        "for child in children: os.waitpid(child, 0)\n"
        "print(json.dumps([len(children), told]))",
    )
    assert made[1] == "EAGAIN"
    assert made[0] < 200
    with _as(hub, "ada") as http:
        assert http.get("/api/status").status_code == 200, "and its own server lives"


def test_too_much_memory_ends_what_took_it_and_the_server_lives(
    hub: ContainerHub, grace: Container
) -> None:
    taken = grace.exec_run(["python3", "-c", f"x = bytearray({1100 * MEGA}); print(len(x))"])
    assert taken.exit_code == 137
    with _as(hub, "grace") as http:
        assert http.get("/api/status").status_code == 200


def test_tmp_holds_what_it_may(grace: Container) -> None:
    told = run(
        grace,
        "import json, os\n"
        "written = 0\n"
        "try:\n"
        "    with open('/tmp/much', 'wb') as f:\n"
        "        while written < 100: f.write(bytes(1 << 20)); f.flush(); written += 1\n"
        "except OSError as full:\n"
        "    print(json.dumps([written, full.errno]))\n"
        "os.unlink('/tmp/much')",
    )
    assert told[0] <= 64
    assert told[1] == 28


# Time


def test_the_home_is_there_after_a_restart_and_nothing_else_is(
    hub: ContainerHub, grace: Container
) -> None:
    run(
        grace,
        "import json, pathlib\n"
        "pathlib.Path.home().joinpath('notes.txt').write_text('of grace')\n"
        "pathlib.Path('/tmp/scratch').write_text('gone tomorrow')\n"
        "print('null')",
    )
    hub.ended("grace")
    assert not [left for left in hub.containers() if left.name == grace.name]
    again = hub.started("grace")
    assert again.id != grace.id
    assert run(
        again,
        "import json, os, pathlib\n"
        "home = pathlib.Path.home()\n"
        "print(json.dumps([home.joinpath('notes.txt').read_text(), oct(home.stat().st_mode),\n"
        "    home.stat().st_uid, os.path.exists('/tmp/scratch')]))",
    ) == ["of grace", "0o40700", 65532, False]


def test_a_workspace_lives_through_a_restart_of_its_hub(hub: ContainerHub, ada: Container) -> None:
    hub.restart()
    ada.reload()
    assert ada.status == "running"
    assert hub.http.get("/users/ada").json()["server"] == "/user/ada/"
    with _as(hub, "ada") as http:
        assert http.get("/api/status").status_code == 200
