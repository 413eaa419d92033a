"""The kernel's entry in Jupyter: `kernel.json` with the provisioner and its image."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

from jupyter_client.kernelspec import KernelSpecManager

from phtlab.errors import KernelError

PROVISIONER: Final = "phtlab-sandbox"
NAME: Final = "phtlab-sandbox"
DISPLAY_NAME: Final = "Python 3 (phtlab sandbox)"


def kernelspec(
    image: str, *, display_name: str = DISPLAY_NAME, config: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return `kernel.json` for the kernel of `image`; `config` are further provisioner traits."""
    return {
        # For information only: the provisioner starts the image's own command.
        "argv": ["python3", "-m", "phtlab.runtime.python_kernel", "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": PROVISIONER,
                "config": {"image": image, **(config or {})},
            }
        },
    }


def install_kernelspec(
    image: str,
    *,
    language: str,
    name: str = NAME,
    display_name: str = DISPLAY_NAME,
    prefix: Path | None = None,
) -> Path:
    """Write the entry for this user, or below `prefix`; return its folder.

    An entry of that name is replaced. Raises KernelError for another language than Python, or if it
    cannot be written.
    """
    if language != "python":
        raise KernelError(
            "Only Python kernels run in this sandbox yet, and this image's language is "
            f"{language}.",
            "Name another kernel image.",
            code="kernel-language",
        )
    spec = kernelspec(image, display_name=display_name)
    with tempfile.TemporaryDirectory(prefix="phtlab-kernelspec-") as draft:
        Path(draft, "kernel.json").write_text(json.dumps(spec, indent=1) + "\n")
        try:
            return Path(
                KernelSpecManager().install_kernel_spec(
                    draft,
                    kernel_name=name,
                    user=prefix is None,
                    prefix=None if prefix is None else str(prefix),
                )
            )
        except (OSError, ValueError) as error:
            raise KernelError(
                f"The kernel's entry cannot be written: {error}.",
                "Name a place with --prefix.",
                code="kernelspec",
            ) from None
