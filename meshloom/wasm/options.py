"""What the commands of ``meshloom wasm`` are told in the same words, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from mesh_traffic import Request
    from meshloom.wasm.running import Around
    from wasm_filters.config import PluginConfig
    from wasm_filters.errors import WasmError
    from wasm_filters.module import Module
    from wasm_filters.recording.recording import Recording

Config = Annotated[
    Path | None, typer.Option("--config", help="A file with the filter's configuration.")
]
RootId = Annotated[str, typer.Option("--root-id", help="The root_id of Envoy's plugin config.")]
VmId = Annotated[str, typer.Option("--vm-id", help="The vm_id of Envoy's VM config.")]
Fields = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", metavar="NAME:VALUE", help="A header of the request."),
]
Method = Annotated[str, typer.Option("--request", "-X", metavar="METHOD", help="The method.")]
RequestPath = Annotated[str, typer.Option("--path", help="The path.")]
Authority = Annotated[str, typer.Option("--authority", help="The host that is asked for.")]
BodyFile = Annotated[Path | None, typer.Option("--body", help="A file with the request's body.")]
ShowTrace = Annotated[bool, typer.Option("--trace", help="Show every callback and hostcall.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]

ModeName = Annotated[
    Literal["envoy", "spec"], typer.Option("--mode", help="Whose answers the filter gets.")
]
UpstreamUrl = Annotated[
    str | None,
    typer.Option("--upstream", metavar="URL", help="A server behind the filter: http://HOST:PORT."),
]
Clusters = Annotated[
    list[str] | None,
    typer.Option("--cluster", metavar="NAME=URL", help="A server that the filter can call."),
]


def bad_input(message: object, cause: Exception | None = None) -> NoReturn:
    """One line on standard error, and exit code 2."""
    typer.echo(f"meshloom: {message}", err=True)
    raise typer.Exit(2) from cause


def found(file: Path) -> Path:
    """The file of a filter, which may be one of ours by name; an unknown name is bad input."""
    from wasm_filters.errors import ModuleError
    from wasm_filters.ours import filter_file

    try:
        return filter_file(file)
    except ModuleError as error:
        bad_input(error, error)


def all_found(files: list[Path]) -> list[Path]:
    """:func:`found`, for each of several filters."""
    return [found(file) for file in files]


FilterFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILTER.wasm", callback=found, help="The filter; meshloom:NAME is one of ours."
    ),
]


def refuse(error: WasmError, file: Path) -> NoReturn:
    """Why the filter in ``file`` does not start, on one line that names it, and exit code 2."""
    from wasm_filters.errors import GuestStopped

    bad_input(f"{file}: {error}" if isinstance(error, GuestStopped) else error, error)


def read(file: Path | None, option: str) -> bytes:
    """The file that ``option`` names, nothing without one; what can't be read is bad input."""
    try:
        return file.read_bytes() if file else b""
    except OSError as error:
        bad_input(f"{option} {file}: {error.strerror}", error)


def plugin(
    file: Path, root_id: str, vm_id: str, config: Path | None, vm_config: Path | None = None
) -> PluginConfig:
    """The filter's plugin config, with the file's name; what can't be read is bad input."""
    from wasm_filters.config import PluginConfig

    configuration = read(config, "--config")
    return PluginConfig(file.stem, root_id, configuration, vm_id, read(vm_config, "--vm-config"))


def each(given: list[str] | None, option: str, files: list[Path]) -> list[str]:
    """An option of a chain, for each filter in turn: as many as there are, or none at all."""
    values = given or [""] * len(files)
    if len(values) != len(files):
        bad_input(f"{option}: expected one for each of {len(files)} filters, got {len(values)}")
    return values


def chain(
    files: list[Path],
    root_ids: list[str] | None = None,
    vm_ids: list[str] | None = None,
    configs: list[str] | None = None,
    vm_configs: list[str] | None = None,
) -> list[PluginConfig]:
    """The plugin config of each filter, with its file's name; "" is no file."""
    return [
        plugin(file, root_id, vm_id, _file(config), _file(vm_config))
        for file, root_id, vm_id, config, vm_config in zip(
            files,
            each(root_ids, "--root-id", files),
            each(vm_ids, "--vm-id", files),
            each(configs, "--config", files),
            each(vm_configs, "--vm-config", files),
            strict=True,
        )
    ]


def _file(name: str) -> Path | None:
    return Path(name) if name else None


def load(file: Path) -> tuple[bytes, Module]:
    """The bytes of a filter, and its module; one that does not load is bad input."""
    from wasm_filters.engine.cache import CompiledCache
    from wasm_filters.errors import ModuleError
    from wasm_filters.module import Module, read_code

    try:
        code = read_code(file)
        return code, Module.of(code, str(file), CompiledCache.default())
    except ModuleError as error:
        bad_input(error, error)


def recorded_modules(
    recording: Recording, builds: list[Path], file: Path
) -> list[tuple[bytes, Module]]:
    """The modules of a recording that was read from ``file``, with their bytes: ``builds`` if there
    are any, else those that it was made with. One that does not load is bad input."""
    from meshloom.output import counted

    wanted = [Path(plugin.module.file) for plugin in recording.header.plugins]
    if builds and len(builds) != len(wanted):
        bad_input(f"--filter: {len(builds)} given, {file} has {counted(len(wanted), 'plugin')}")
    return [load(one) for one in all_found(builds) or wanted]


def around(mode: str, upstream: str | None, clusters: list[str]) -> Around:
    """What is around a filter; an address that is none is bad input."""
    from meshloom.wasm.running import Around
    from wasm_filters.config import Mode
    from wasm_filters.services.real_service import service_at
    from wasm_filters.services.upstream import empty_ok

    try:
        behind = service_at(upstream) if upstream else empty_ok
    except ValueError as error:
        bad_input(f"--upstream: {error}", error)
    named = [text.partition("=") for text in clusters]
    try:
        services = {name: service_at(url) for name, _, url in named}
    except ValueError as error:
        bad_input(f"--cluster: {error}", error)
    return Around(Mode(mode), behind, services)


def request(method: str, path: str, authority: str, given: list[str], body: bytes) -> Request:
    """A request with what any HTTP client adds: the length of a body."""
    from mesh_traffic import Body, Headers, Request

    fields = [_field(text) for text in given]
    if body and not any(name.lower() == "content-length" for name, _ in fields):
        fields.append(("content-length", str(len(body))))
    return Request(method, path, authority, "http", Headers.of(fields), Body(body))


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"expected name:value, got {text!r}", param_hint="--header")
    return name.strip(), value.strip()
