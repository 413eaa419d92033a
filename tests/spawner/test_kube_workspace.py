"""A workspace's pod, as it is sent to Kubernetes: what its `restricted` standard asks, and ours.

There is no cluster here: what is judged is the manifest that KubeSpawner makes of our settings.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.config import kube_config
from kubespawner import KubeSpawner

from phtlab_spawner import KubeWorkspaceSpawner

REVERSE_PROXY = "http://reverse-proxy.phtlab.svc.cluster.local:8787"
# A Spawner reads where its cluster is when it is made, and asks it nothing before it starts.
NOWHERE = """
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
"""


class Named(SimpleNamespace):
    """What a Spawner asks of its user and hub."""


@pytest.fixture
def manifest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The pod of someone's workspace, as JSON; what `start` would send."""
    file = tmp_path / "kubeconfig"
    file.write_text(NOWHERE)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))

    def made(
        groups: tuple[str, ...] = (), options: dict[str, Any] | None = None, **set_: Any
    ) -> Any:
        sent: list[Any] = []

        async def send(spawner: KubeSpawner) -> tuple[str, int]:
            pod = await spawner.get_pod_manifest()
            sent.append(spawner.api.api_client.sanitize_for_serialization(pod))
            return "pod", spawner.port

        monkeypatch.setattr(KubeSpawner, "start", send)

        async def start() -> None:
            user = Named(
                name="ada",
                id=1,
                url="/user/ada/",
                escaped_name="ada",
                groups=[Named(name=name) for name in groups],
            )
            spawner = KubeWorkspaceSpawner(
                _mock=True,
                user=user,
                image="registry.example.org/workspaces/python@sha256:0",
                reverse_proxy=REVERSE_PROXY,
                root_config_map="phtlab-root",
                **set_,
            )
            spawner.hub.base_url = "/hub/"
            spawner.user_options = options or {}
            before = spawner.volumes, spawner.volume_mounts
            await spawner.start()
            assert (spawner.volumes, spawner.volume_mounts) == before, (
                "and the next start begins so"
            )

        asyncio.run(start())
        (pod,) = sent
        return pod

    return made


def container(pod: Any) -> Any:
    (only,) = pod["spec"]["containers"]
    return only


def test_it_meets_what_kubernetes_calls_restricted(manifest: Any) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, each control."""
    pod = manifest()
    spec, rights = pod["spec"], container(pod)["securityContext"]
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(name)
    assert not any("hostPath" in volume for volume in spec["volumes"])
    kinds = {key for volume in spec["volumes"] for key in volume} - {"name"}
    assert kinds == {"configMap", "emptyDir", "persistentVolumeClaim"}
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert rights["readOnlyRootFilesystem"] is True
    assert not rights.get("privileged")
    assert rights["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert rights.get("runAsUser", spec["securityContext"]["runAsUser"]) == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not container(pod).get("volumeDevices")
    assert "initContainers" not in spec or not spec["initContainers"]


def test_it_has_no_credentials_of_the_cluster(manifest: Any) -> None:
    assert manifest()["spec"]["automountServiceAccountToken"] is False


def test_home_scratch_and_root_are_mounted_and_nothing_else(manifest: Any) -> None:
    pod = manifest()
    assert container(pod)["volumeMounts"] == [
        {"name": "home", "mountPath": "/home/analyst"},
        {"name": "scratch", "mountPath": "/tmp"},
        {
            "name": "root",
            "mountPath": "/etc/phtlab/root.json",
            "subPath": "root.json",
            "readOnly": True,
        },
    ]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["scratch"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "512Mi"}
    assert "ada" in volumes["home"]["persistentVolumeClaim"]["claimName"]
    assert volumes["root"]["configMap"] == {"name": "phtlab-root"}


def test_its_size_is_its_groups(manifest: Any) -> None:
    sizes = {"teacher": {"memory": "4G", "cpu": 3, "scratch": "1G", "image": "other:1"}}
    plain, large = manifest(workspaces=sizes), manifest(("teacher",), workspaces=sizes)
    assert container(plain)["resources"]["limits"] == {"cpu": 2.0, "memory": 2 << 30}
    assert container(large)["resources"]["limits"] == {"cpu": 3.0, "memory": 4 << 30}
    assert container(plain)["image"] == "registry.example.org/workspaces/python@sha256:0"
    assert container(large)["image"] == "other:1"


def test_it_knows_the_way_to_the_door_and_no_other(manifest: Any) -> None:
    told = {one["name"]: one.get("value") for one in container(manifest())["env"]}
    assert told["JUPYTERHUB_API_URL"] == f"{REVERSE_PROXY}/hub/api"
    assert told["JUPYTERHUB_ACTIVITY_URL"] == f"{REVERSE_PROXY}/hub/api/users/ada/activity"
    assert told["PHTLAB_CENTRAL"] == f"{REVERSE_PROXY}/services/central"
    assert told["PHTLAB_REGISTRY"] == REVERSE_PROXY
    assert told["PHTLAB_ROOT"] == "/etc/phtlab/root.json"
    assert told["HOME"] == "/home/analyst"


def test_a_hubs_own_volumes_stay(manifest: Any) -> None:
    shared = {"name": "course", "persistentVolumeClaim": {"claimName": "course"}}
    mount = {"name": "course", "mountPath": "/course", "readOnly": True}
    for volumes, mounts in (([shared], [mount]), ({"course": shared}, {"course": mount})):
        pod = manifest(volumes=volumes, volume_mounts=mounts)
        assert shared in pod["spec"]["volumes"]
        assert container(pod)["volumeMounts"][0] == mount


def test_nobody_chooses_what_it_is_made_of(manifest: Any) -> None:
    with pytest.raises(SpawnException):
        manifest(options={"profile": "large"})
