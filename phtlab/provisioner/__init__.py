"""A Jupyter kernel in the station's own sandbox, on the analyst's machine."""

from phtlab.provisioner.kernel_container import require_local_engine
from phtlab.provisioner.kernel_image import fetch_kernel
from phtlab.provisioner.kernelspec import install_kernelspec
from phtlab.provisioner.sandbox_provisioner import SandboxProvisioner

__all__ = ["SandboxProvisioner", "fetch_kernel", "install_kernelspec", "require_local_engine"]
