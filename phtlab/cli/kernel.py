"""`phtlab kernel`: build kernel images, list the allowed images, add a kernel to Jupyter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import SettingsError

if TYPE_CHECKING:
    from phtlab.kernel import BuildEvent, BuiltKernel, BuiltWorkspace
    from phtlab.station.executor.contract import RegistryAuth
    from phtlab.train.documents.roster import Catalogue, KernelImage
    from phtlab.wire.registry.client import Registry

app = typer.Typer(
    help="Build kernel images and list those that may run at stations.", no_args_is_help=True
)

RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        help="The registry, without authentication. Default: the consortium's.",
        metavar="URL",
    ),
]

PushOption = Annotated[bool, typer.Option("--push", help="Push the image after the build.")]

CacheOption = Annotated[
    Path | None, typer.Option(help="Folder of the layer cache. Default: phtlab's cache.")
]

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder to write kernel.json (for the catalogue), config.json and manifest.json to.",
    ),
]


@app.command()
def build(
    recipe: Annotated[
        Path, typer.Argument(help="The folder that holds kernel.toml.", metavar="RECIPE")
    ],
    push: PushOption = False,
    registry: RegistryOption = None,
    directory: OutOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the kernel image of RECIPE and print its digest, which is the same on any machine."""
    if registry is not None and not push:
        raise SettingsError("--registry says where to push; add --push.")
    built = _build(recipe, cache or _cache())
    if push:
        _push(built, registry)
    _print_result(built.image, built.manifest, built.config, directory, as_json)


@app.command()
def workspace(
    recipe: Annotated[
        Path, typer.Argument(help="The folder that holds workspace.toml.", metavar="RECIPE")
    ] = Path("spawner/workspace"),
    load: Annotated[
        bool, typer.Option("--load", help="Load the image into this machine's container engine.")
    ] = False,
    push: PushOption = False,
    registry: RegistryOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the workspace image of RECIPE: its kernel image, with JupyterLab and phtlab on top."""
    from phtlab.kernel import WORKSPACE_TITLES, container_engine, load_workspace, push_workspace

    if registry is not None and not push:
        raise SettingsError("--registry says where to push; add --push.")
    built = _build_workspace(recipe, cache or _cache())
    if load:
        with container_engine() as engine, _display() as display:
            load_workspace(built, engine, _moving(display, "load"))
        err.print(f"Loaded {built.reference}", markup=False)
    if push:
        with _display() as display:
            reference = push_workspace(
                _registry(registry), built, _moving(display, "push", built.size)
            )
        err.print(f"Pushed {reference}", markup=False)
    if as_json:
        print_json(
            {
                "name": built.name,
                "reference": built.reference,
                "digest": built.digest,
                "kernel": built.kernel,
                "size": built.size,
                "layers": [layer.descriptor for layer in built.layers],
                "packages": built.packages,
            }
        )
        return
    own = built.layers[-len(WORKSPACE_TITLES) :]
    for title, layer in zip(WORKSPACE_TITLES.values(), own, strict=True):
        out.print(f"{title:<14}{layer.size / 1e6:>8.1f} MB", markup=False)
    out.print(f"{'in all':<14}{built.size / 1e6:>8.1f} MB", markup=False)
    out.print(f"{len(built.packages)} Python packages above the kernel's")
    out.print(f"{built.reference} {built.digest}", markup=False)


@app.command()
def adopt(
    recipe: Annotated[
        Path, typer.Argument(help="The folder that holds the Dockerfile.", metavar="RECIPE")
    ],
    reference: Annotated[
        str, typer.Argument(help="The tag under which the image was pushed.", metavar="TAG")
    ],
    registry: RegistryOption = None,
    directory: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Adopt an image that a container engine built from RECIPE's Dockerfile as a kernel image."""
    from phtlab.kernel import adopt_kernel, read_recipe

    image, manifest, config = adopt_kernel(_registry(registry), read_recipe(recipe), reference)
    _print_result(image, manifest, config, directory, as_json)


@app.command()
def install(
    kernel: Annotated[
        str, typer.Argument(help="The kernel image's name in the catalogue.", metavar="KERNEL")
    ] = "python",
    image: Annotated[
        str | None,
        typer.Option(
            help="Use this image instead, which the engine has or pulls without authentication: "
            "host:port/repository@sha256:…",
            metavar="REFERENCE",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="The kernel's name in Jupyter.", metavar="NAME")
    ] = "phtlab-sandbox",
    prefix: Annotated[
        Path | None,
        typer.Option(help="Folder below which the entry is written. Default: this user's own."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a kernel to Jupyter that runs in the station's sandbox, on this machine."""
    from phtlab.kernel import container_engine
    from phtlab.provisioner import fetch_kernel, install_kernelspec, require_local_engine
    from phtlab.station.executor.contract import RegistryAuth

    require_local_engine()
    reference, authorize = (image, RegistryAuth) if image else _allowed(kernel)
    with container_engine() as engine, _display() as display:
        task = display.add_task(f"fetching {reference.partition('@')[0]}", total=1, told="")
        language = fetch_kernel(engine, reference, authorize)
        display.update(task, completed=1)
    folder = install_kernelspec(reference, language=language, name=name, prefix=prefix)
    if as_json:
        print_json({"name": name, "folder": str(folder), "image": reference})
        return
    out.print(f"{name} {folder}", markup=False)
    print_next_steps(
        "jupyter lab",
        first="choose the kernel “Python 3 (phtlab sandbox)”. It has no network and sees no file "
        "of yours; local cells that dispatch a train need another kernel",
    )


@app.command("list")
def list_kernels(as_json: JsonOption = False) -> None:
    """Show the kernel images that the consortium's stations run."""
    import phtlab

    show_catalogue(phtlab.connect().trusted.catalogue, as_json=as_json)


def show_catalogue(catalogue: Catalogue, *, as_json: bool = False) -> None:
    """Print the kernel images of `catalogue`, the newest of each name last."""
    if as_json:
        print_json(catalogue.images)
        return
    if not catalogue.images:
        err.print(
            "No kernel image is allowed yet. An officer adds one: 'phtlab kernel build kernels/"
            "python --push --out built', then 'phtlab consortium add-kernel built/kernel.json'."
        )
    for image in catalogue.images:
        out.print(f"{image.name:<14}{image.language:<10}{image.digest}", markup=False)


def write_kernel(image: KernelImage, manifest: bytes, config: bytes, directory: Path) -> None:
    """Write `kernel.json` for the catalogue; config and manifest for building trains offline."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kernel.json").write_text(image.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (directory / "config.json").write_bytes(config)
    (directory / "manifest.json").write_bytes(manifest)


def _print_result(
    image: KernelImage, manifest: bytes, config: bytes, directory: Path | None, as_json: bool
) -> None:
    if directory is not None:
        write_kernel(image, manifest, config, directory)
    if as_json:
        print_json(image)
    else:
        out.print(f"{image.name} {image.digest}")


def _allowed(name: str) -> tuple[str, Callable[[], RegistryAuth]]:
    """Return the reference of the catalogue's image `name`, and a function to authorize pulls."""
    import phtlab
    from phtlab.station.executor.contract import RegistryAuth

    lab = phtlab.connect()
    registry = lab.registry
    image = lab.trusted.catalogue.named(name)
    scopes = registry.pull_scopes(image.repository)
    return (
        registry.reference(image.repository, image.digest),
        lambda: RegistryAuth(lab.central.registry_token(scopes)),
    )


def _registry(url: str | None) -> Registry:
    """Return the registry at `url`, or the consortium's registry with the profile's rights."""
    import phtlab
    from phtlab.wire.registry.client import Registry

    return Registry(url) if url is not None else phtlab.connect().registry


def _cache() -> Path:
    from phtlab.user_settings import cache_directory

    return cache_directory() / "kernel-images"


def _build(recipe: Path, cache: Path) -> BuiltKernel:
    from phtlab.kernel import build_kernel

    with _display() as display:
        return build_kernel(recipe, cache, _building(display))


def _build_workspace(recipe: Path, cache: Path) -> BuiltWorkspace:
    from phtlab.kernel import build_kernel, build_workspace, read_workspace_recipe

    kernel = read_workspace_recipe(recipe).kernel_folder
    with _display() as display:
        progress = _building(display)
        return build_workspace(recipe, build_kernel(kernel, cache, progress), cache, progress)


def _building(display: Progress) -> Callable[[BuildEvent], None]:
    """Return a callback that shows the parts of an image as they are built."""
    tasks: dict[str, Any] = {}

    def progress(event: BuildEvent) -> None:
        if event.part not in tasks:
            tasks[event.part] = display.add_task(event.title, total=1, told="")
        if event.seconds is not None:
            size = f"{event.size / 1e6:.1f} MB" + (", as before" if event.cached else "")
            display.update(tasks[event.part], completed=1, told=size)

    return progress


def _push(built: BuiltKernel, url: str | None) -> None:
    from phtlab.kernel import push_kernel

    registry = _registry(url)
    with _display() as display:
        push_kernel(registry, built, _moving(display, "push", built.size))
    reference = registry.reference(built.image.repository, built.image.digest)
    err.print(f"Pushed {reference}", markup=False)


def _moving(display: Progress, title: str, total: int | None = None) -> Callable[[int], None]:
    """Return a callback that shows how many bytes were transferred."""
    task = display.add_task(title, total=total, told="")
    return lambda size: display.update(task, completed=size, told=f"{size / 1e6:.1f} MB")


def _display() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
        console=err,
    )
