"""Common part of all Spawners of workspaces: size by group, and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from jupyterhub.utils import url_path_join
from traitlets import Dict, HasTraits, TraitError, Unicode, default, validate

from phtlab.errors import SettingsError
from phtlab_spawner import spawn_failure
from phtlab_spawner.limits import Workspace, workspace_for, workspaces_of

# The user of notebooks in kernel images, and its home in workspace images.
USER: Final = 65532
HOME: Final = "/home/analyst"
ROOT: Final = "/etc/phtlab/root.json"
LABEL: Final = "org.phtlab.user"


if TYPE_CHECKING:
    from jupyterhub.spawner import Spawner as _Spawner
else:  # JupyterHub refuses a Spawner class without a start method.
    _Spawner = HasTraits


class WorkspaceMixin(_Spawner):
    """Mixin to put before a Spawner class. Users choose nothing: their groups decide."""

    workspaces = Dict(
        help="""Group to workspace: a table of image, memory, cpu, pids, files, scratch.

        The user's first group decides; users in no group get the default workspace."""
    ).tag(config=True)
    reverse_proxy = Unicode(
        help="""The only address that workspaces reach: the hub's API, central and the registry.

        Empty: the addresses in the hub's configuration and environment."""
    ).tag(config=True)
    root_json = Unicode(
        help="The consortium's root.json on the hub's machine; it is mounted read-only."
    ).tag(config=True)

    # In memory only: it is chosen again at each start.
    workspace: Workspace | None = None

    @validate("workspaces")
    def _workspaces_can_be_used(self, proposal: Any) -> Any:
        try:
            workspaces_of(proposal.value)
        except SettingsError as wrong:
            raise TraitError(str(wrong)) from None
        return proposal.value

    @validate("reverse_proxy")
    def _require_address(self, proposal: Any) -> str:
        url = str(proposal.value).rstrip("/")
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise TraitError(
                f"'{url}' is no address of a reverse proxy; write it as http://10.1.2.1:8787."
            )
        return url

    @default("image")
    def _no_image(self) -> str:
        return ""

    @default("default_url")
    def _lab(self) -> str:
        return "/lab"

    @default("options_form")
    def _no_form(self) -> str:
        return ""

    @property
    def proxy_host(self) -> str | None:
        """The reverse proxy's host, without its port."""
        return urlsplit(self.reverse_proxy).hostname if self.reverse_proxy else None

    def choose_workspace(self) -> Workspace:
        """Set the workspace of the user's groups. Raises SpawnException if options are given."""
        options = self.user_options
        if options:
            raise spawn_failure.options_refused(options)
        groups = {group.name for group in self.user.groups}
        chosen = workspace_for(groups, workspaces_of(self.workspaces))
        if chosen.image is not None:
            self.image = chosen.image
        if not self.image:
            raise spawn_failure.image_missing_failure()
        self.mem_limit = chosen.memory
        self.cpu_limit = chosen.cpu
        self.workspace = chosen
        return chosen

    def get_env(self) -> dict[str, str]:
        """Return the Spawner's variables, with all addresses behind the reverse proxy."""
        env: dict[str, str] = super().get_env()
        env["HOME"] = HOME
        if self.root_json:
            env["PHTLAB_ROOT"] = ROOT
        if self.reverse_proxy:
            api = url_path_join(self.reverse_proxy, self.hub.base_url, "api")
            env["JUPYTERHUB_API_URL"] = api
            name = getattr(self.user, "escaped_name", self.user.name)
            env["JUPYTERHUB_ACTIVITY_URL"] = url_path_join(api, "users", name, "activity")
            base = env["JUPYTERHUB_BASE_URL"]
            env["PHTLAB_CENTRAL"] = url_path_join(self.reverse_proxy, base, "services/central")
            env["PHTLAB_REGISTRY"] = self.reverse_proxy
        return env
