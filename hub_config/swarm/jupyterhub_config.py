"""A Docker swarm: everyone's Lab is a service of one container, on whichever node has room.

docs/hub.md tells how to make the overlay network, the door on it, and the swarm's config of
root.json.
"""

from phtlab.errors import SettingsError
from phtlab_hub.configuration import configure

c = get_config()  # noqa: F821
settings = configure(c)

if not (settings.image and settings.door and settings.root_config):
    raise SettingsError(
        "This configuration needs 'image', 'door' and 'root_config' in hub.toml: see docs/hub.md."
    )
c.JupyterHub.spawner_class = "phtlab_spawner.SwarmWorkspaceSpawner"
workspace = c.SwarmWorkspaceSpawner
workspace.image = settings.image
workspace.network_name = settings.network
# The proxy is on this network too: no node opens a port for anyone's Lab.
workspace.use_internal_ip = True
workspace.prefix = settings.prefix
workspace.door = settings.door
workspace.root_config = settings.root_config
workspace.workspaces = settings.workspaces
