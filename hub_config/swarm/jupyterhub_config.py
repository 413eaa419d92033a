"""A Docker swarm: everyone's Lab is a service of one container, on any node with room.

docs/hub.md says how to make the overlay network, its reverse proxy and the swarm's config of
root.json.
"""

from phtlab_hub import workspaces
from phtlab_hub.configuration import configure

c = get_config()  # noqa: F821
settings = configure(c)

c.JupyterHub.spawner_class = "phtlab_spawner.SwarmWorkspaceSpawner"
workspaces.in_containers(c.SwarmWorkspaceSpawner, settings, root="root_config")
c.SwarmWorkspaceSpawner.root_config = settings.root_config
