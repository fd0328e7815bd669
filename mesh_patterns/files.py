"""A door: files that patterns name, read with a limit."""

from __future__ import annotations

from pathlib import Path

from mesh_yaml.place import DocumentError, Place


def beside(place: Place, name: str) -> Path:
    """The file that ``name`` is from the folder of the pattern file."""
    return (Path(place.file).parent / name).resolve()


def read(file: Path, place: Place, most: int) -> bytes:
    """What is in ``file``, which the line at ``place`` names.

    Raises:
        DocumentError: it can't be read, or has more than ``most`` bytes.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        message = f"can't read {file}: {error.strerror or error}"
        raise DocumentError.at(place, message) from error
    if len(data) > most:
        raise DocumentError.at(place, f"{file} has more than {most} bytes")
    return data


def read_text(file: Path, place: Place, most: int) -> str:
    """The same as text in UTF-8, which it has to be."""
    try:
        return read(file, place, most).decode()
    except UnicodeDecodeError as error:
        raise DocumentError.at(place, f"{file} is no text in UTF-8") from error
