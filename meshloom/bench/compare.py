"""``meshloom bench compare``: is the new measurement worse than the old one?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Json

if TYPE_CHECKING:
    from mini_mesh.load.result import Result

MAX_BYTES = 256 * 2**20  # of a file of histograms


def compare(
    old: Annotated[Path, typer.Argument(help="What `bench -o` wrote before, or a run of fortio.")],
    new: Annotated[Path, typer.Argument(help="What it wrote now.")],
    threshold: Annotated[
        str, typer.Option("--threshold", help="By how much a quantile may grow.")
    ] = "10%",
    as_json: Json = False,
) -> None:
    """Compare two measurements by the times of all requests, and fail if the new one is worse.

    Worse is what is there by a test (Mann-Whitney U; for tails the 99 % interval of the ratio) and
    is more than the threshold; or more failed requests, or a rate that is not kept any more.

    Exits 1 when it is worse, 2 when there is nothing to compare.
    """
    from mesh_yaml.place import DocumentError, Place
    from meshloom.bench.lines import compared
    from mini_mesh.load.comparing.compare import compare as comparing

    share = _growth(threshold)
    before, after = read(old), read(new)
    if before.generator != after.generator:
        by = f"measured by {after.generator}, the old one by {before.generator}"
        raise DocumentError.at(Place(str(new)), f"{by}: they count differently")
    told = comparing(before, after, share)
    if as_json:
        typer.echo(json.dumps(told.plain()))
    else:
        for line in compared(told):
            typer.echo(line)
        worse = len(told.regressions)
        typer.echo(f"{worse} of {len(told.differences)} worse" if worse else "not worse")
    raise typer.Exit(1 if told.regressions else 0)


def _growth(text: str) -> float:
    """``150%`` is 1.5: more than the whole is allowed."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share < math.inf:
        message = f"expected a percentage such as 10%, got {text!r}"
        raise typer.BadParameter(message, param_hint="--threshold")
    return share


def read(path: Path) -> Result:
    """A folder of ``bench -o``, a result of SMP with details, details themselves, or fortio's JSON.

    Raises ``DocumentError``.
    """
    from mesh_yaml.place import DocumentError, Place
    from mini_mesh.load.others.fortio import result as of_fortio
    from mini_mesh.load.result import Result

    file = _details(path)
    told = _json(file)
    try:
        if isinstance(told, dict) and "DurationHistogram" in told:
            return of_fortio(told, str(told.get("URL") or told.get("Labels") or "fortio"))
        return Result.read(told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DocumentError.at(Place(str(file)), f"no histograms of a load: {error}") from error


def _details(path: Path) -> Path:
    from mesh_yaml.place import DocumentError, Place
    from mini_mesh.smp.messages import PerformanceTestResult
    from mini_mesh.smp.read import read as read_smp
    from mini_mesh.smp.write import DETAILS

    if path.is_dir():
        return path / DETAILS
    if path.suffix not in (".yaml", ".yml"):
        return path
    for each in read_smp(path):
        if isinstance(each, PerformanceTestResult) and each.details_uri:
            name = each.details_uri.removeprefix("file:")
            if "://" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts:
                return path.parent / name
    raise DocumentError.at(Place(str(path)), "names no file of details beside it: nothing to test")


def _json(file: Path) -> Any:
    from mesh_yaml.place import DocumentError, Place

    place = Place(str(file))
    try:
        if file.stat().st_size > MAX_BYTES:
            raise DocumentError.at(place, f"has more than {MAX_BYTES} bytes")
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError.at(place, f"can't be read: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentError.at(place, "is not JSON") from error
