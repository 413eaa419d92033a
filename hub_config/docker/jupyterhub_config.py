"""One machine, a container per user, on a network whose only way out is the reverse proxy.

`phtlab hub` makes image, network and reverse proxy, and runs hub and proxy; docs/hub.md says how to
do the same step by step.
"""

from phtlab_hub import workspaces
from phtlab_hub.configuration import configure

c = get_config()  # noqa: F821
settings = configure(c)

c.JupyterHub.spawner_class = "phtlab_spawner.WorkspaceSpawner"
workspaces.in_containers(c.WorkspaceSpawner, settings, root="root")
c.WorkspaceSpawner.root_json = str(settings.root)
