"""A workspace as a pod of a Kubernetes cluster."""

from __future__ import annotations

from typing import Any

from kubespawner import KubeSpawner
from traitlets import Unicode, default

from phtlab_spawner.workspace_mixin import HOME, LABEL, ROOT, USER, WorkspaceMixin


class KubeWorkspaceSpawner(WorkspaceMixin, KubeSpawner):
    """A pod that Kubernetes' `restricted` standard admits; the home is a claim of its user.

    A NetworkPolicy limits what it reaches, and the kubelet (`podPidsLimit`) its processes.
    """

    root_config_map = Unicode(
        help="""The ConfigMap whose key root.json is the consortium's root; instead of root_json,
        which is one machine's."""
    ).tag(config=True)

    volumes: Any
    volume_mounts: Any

    @default("uid")
    def _uid(self) -> int:
        return USER

    @default("gid")
    def _gid(self) -> int:
        return USER

    @default("fs_gid")
    def _fs_gid(self) -> int:
        return USER

    @default("cmd")
    def _command(self) -> list[str]:
        return ["jupyterhub-singleuser"]

    @default("working_dir")
    def _working_dir(self) -> str:
        return HOME

    @default("allow_privilege_escalation")
    def _no_more_rights(self) -> bool:
        return False

    @default("container_security_context")
    def _sealed_container(self) -> dict[str, Any]:
        return {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }

    @default("pod_security_context")
    def _sealed_pod(self) -> dict[str, Any]:
        return {
            "fsGroup": USER,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    @default("extra_annotations")
    def _whose(self) -> dict[str, str]:
        return {LABEL: "{unescaped_username}"}

    async def start(self) -> Any:
        """Create the pod and wait until it runs. Raises SpawnException if options are given."""
        chosen = self.choose_workspace()
        before = self.volumes, self.volume_mounts
        try:
            self.volumes = [
                *_listed(before[0]),
                {"name": "home", "persistentVolumeClaim": {"claimName": self.pvc_name}},
                {
                    "name": "scratch",
                    "emptyDir": {"medium": "Memory", "sizeLimit": f"{chosen.scratch}i"},
                },
            ]
            self.volume_mounts = [
                *_listed(before[1]),
                {"name": "home", "mountPath": HOME},
                {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - inside the pod
            ]
            if self.root_config_map:
                self.volumes.append({"name": "root", "configMap": {"name": self.root_config_map}})
                self.volume_mounts.append(
                    {"name": "root", "mountPath": ROOT, "subPath": "root.json", "readOnly": True}
                )
            return await super().start()
        finally:
            self.volumes, self.volume_mounts = before

    def get_env(self) -> dict[str, str]:
        """Return the variables of every workspace, with the root where the ConfigMap is mounted."""
        env = super().get_env()
        if self.root_config_map:
            env["PHTLAB_ROOT"] = ROOT
        return env


def _listed(configured: Any) -> list[dict[str, Any]]:
    """Return volumes as a list, whether they are configured as a list or by name."""
    return list(configured.values()) if isinstance(configured, dict) else list(configured)
