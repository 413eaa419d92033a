"""One machine, a container for each user: on a network whose only way out is the door.

`phtlab hub` makes image, network and door, and runs hub and proxy; docs/hub.md tells how to
do the same step by step.
"""

from phtlab.errors import SettingsError
from phtlab_hub.configuration import configure

c = get_config()  # noqa: F821
settings = configure(c)

if not (settings.image and settings.door and settings.root):
    raise SettingsError(
        "This configuration needs 'image', 'door' and 'root' in hub.toml: see docs/hub.md."
    )
c.JupyterHub.spawner_class = "phtlab_spawner.WorkspaceSpawner"
workspace = c.WorkspaceSpawner
workspace.image = settings.image
workspace.network_name = settings.network
# The proxy reaches workspaces at their own addresses: no port of this machine is opened.
workspace.use_internal_ip = True
workspace.prefix = settings.prefix
workspace.door = settings.door
workspace.root_json = str(settings.root)
workspace.workspaces = settings.workspaces
