"""Check which of the kernel images that the policy allows the engine has."""

from __future__ import annotations

from phtlab.errors import EngineMissingError
from phtlab.station.context.artifact_store import RegistryArtifactStore
from phtlab.station.context.bootstrap import open_executor, trust_of
from phtlab.station.executor.contract import CheckResult
from phtlab.station.policy.policy import allowed_images, load_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.wire.central.client import CentralClient

_NAME = "kernel images"


def images_check(
    folder: StationFolder, settings: StationSettings, client: CentralClient
) -> CheckResult | None:
    """Say which images are here, and how the others come; None if the engine does not answer.

    A missing image is no fault: the first train that needs it fetches it. Raises as `Trust.refresh`
    and `load_policy`.
    """
    images = trust_of(folder, client).refresh().catalogue.images
    allowed = allowed_images(load_policy(folder.policy), images)
    store, executor = RegistryArtifactStore(client, settings.registry), None
    try:
        executor = open_executor(folder, settings)
        missing = [
            image.name
            for image in allowed
            if not executor.has_image(store.reference(image.repository, image.digest))
        ]
    except EngineMissingError:
        return None
    finally:
        store.close()
        if executor is not None:
            executor.close()
    present = [image.name for image in allowed if image.name not in missing]
    parts = [f"The engine has {', '.join(present) or 'none'} of those that the policy allows."]
    if missing and settings.fetch_images_ahead:
        parts.append(
            f"The running station fetches {', '.join(missing)} ahead; its log says how far it is."
        )
    elif missing:
        parts.append(f"The first train that needs {' or '.join(missing)} waits for it.")
    return CheckResult(_NAME, True, " ".join(parts))
