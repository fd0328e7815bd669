"""How a mesh is run, and its Envoys' processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mini_mesh.allotment import CONTROL_PLANE, Allotment, admin
from mini_mesh.bootstrap import DRAIN_SECONDS, NO_WORD_OF_LOSSES, EnvoyNode, arguments, bootstrap
from mini_mesh.envoy_binary import EnvoyBinary
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.readiness import ENVOY


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a mesh. ``folder`` is private to it; ``concurrency`` is Envoy's workers.

    ``first_port`` counts ports up from there, the same at every start; else any free ones. With
    ``rollback``, a refusal takes all nodes back to the last config that every one had accepted.
    ``captures`` is the Unix socket at which somebody reads the Envoys' access logs; None: nobody.
    ``sockets``: the Envoys' transport sockets have taps, for somebody who asks for them.
    ``otlp`` are the addresses, by protocol, at which somebody takes spans: workloads are told.
    ``processor`` is another, at which somebody takes whole requests, and at the ``gate`` somebody
    may hold them. ``drain_seconds`` is what requests on a replaced listener have left. In the
    folder ``authority`` the certificate authority is kept; else each start has another one.
    """

    envoy: EnvoyBinary
    folder: Path
    first_port: int | None = None
    concurrency: int = 1
    rollback: bool = False
    captures: Path | None = None
    sockets: bool = False
    otlp: Mapping[str, str] = field(default_factory=dict)
    processor: Path | None = None
    gate: Path | None = None
    drain_seconds: int = DRAIN_SECONDS
    authority: Path | None = None


def envoy(options: Options, mesh: str, node: str, ports: Allotment) -> ProcessSpec:
    """The process of one Envoy of the ``mesh`` of that name."""
    config = bootstrap(
        EnvoyNode(
            node,
            mesh,
            ports.port(CONTROL_PLANE),
            ports.port(admin(node)),
            reports=True,
            captures=options.captures,
            processor=options.processor,
            gate=options.gate,
        )
    )
    more = NO_WORD_OF_LOSSES if options.processor else ()
    command = arguments(
        options.envoy.path,
        config,
        concurrency=options.concurrency,
        drain_seconds=options.drain_seconds,
        more=more,
    )
    log = options.folder / f"envoy-{node}.log"
    return ProcessSpec(ENVOY + node, command, log_path=log)
