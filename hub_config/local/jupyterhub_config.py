"""One machine, no containers for users: for a look, a course of one, and development.

Everyone's server runs as the user who runs the hub. That keeps nobody from anybody:
where users do not trust each other wholly, take `docker` beside this folder.
"""

import sys

from phtlab_hub import workspaces
from phtlab_hub.configuration import configure

c = get_config()  # noqa: F821
settings = configure(c)

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{settings.directory}/homes/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.environment = workspaces.environment(settings)
# Without this, JupyterLab would not start for root, as whom a demonstration may run.
c.Spawner.args = ["--allow-root"]
