"""``meshloom export --to envoy-static``: a file for each Envoy, which runs it without meshloom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from meshloom.output import counted, hand_over

if TYPE_CHECKING:
    from mesh_patterns.draft import Draft
    from mesh_patterns.exporters.envoy_static import Static

LIFE = timedelta(days=365)  # of a certificate that nobody will renew, if no pattern gives it one
_LONGEST = 80  # characters of a folder with sockets in it: Unix allows 107 for a whole path


def export(draft: Draft, folder: Path | None, first_port: int | None, as_json_: bool) -> None:
    """Write a file for each Envoy of the mesh into ``folder``, or all of them to standard output.

    Raises:
        DocumentError: the patterns can't be brought together, or a file can't be written.
    """
    made = _made(draft, folder, first_port)
    if folder is not None:
        _write(folder, {**made.secrets, **{name: t.encode() for name, t in made.files.items()}})
    problems = [*draft.mesh.warnings, *draft.warnings, *made.warnings]
    told = {"files": [*made.files]} if as_json_ else None
    hand_over(_stream(made), folder, problems, counted(len(made.files), "Envoy"), told)


def _made(draft: Draft, folder: Path | None, first_port: int | None) -> Static:
    from mesh_patterns.draft import Placed
    from mesh_patterns.exporters.envoy_static import FIRST_PORT, Ports, bootstraps
    from mesh_yaml.place import Place
    from mini_mesh.certificates.issuer import Issuer

    if draft.certificate_life is None:
        draft.certificate_life = Placed(LIFE, Place("envoy-static"))
    sockets = folder.resolve() if folder and len(str(folder.resolve())) <= _LONGEST else None
    ports = Ports.counted(draft, first_port or FIRST_PORT, sockets)
    return bootstraps(draft, ports, Issuer().identities(draft), folder)


def _stream(made: Static) -> str:
    """All files as the documents of one."""
    return "---\n".join(made.files.values())


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Only their owner may read them: there are secrets in some."""
    from mesh_yaml.place import DocumentError, Place
    from mini_mesh.private_files import FOLDER_MODE, write_private

    for name, content in files.items():
        file = folder / name
        try:
            file.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            write_private(file, content)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DocumentError.at(Place(str(file)), f"can't be written: {reason}") from error
