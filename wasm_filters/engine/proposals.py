"""What WebAssembly learnt since its first version, and which of it Envoy and this host run.

The table is what was seen: for each row a module was given to Envoy 1.40 (V8) and to this host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proposal:
    """One addition to the language, as its repository is called; ``label`` is for people.

    ``needed_by`` are those that can't be on without it.
    """

    label: str
    needed_by: frozenset[str] = frozenset()
    in_envoy: bool = True
    here: bool = True


LEGACY_EXCEPTIONS = "legacy_exceptions"  # the only one that wasmtime does not know at all
PROPOSALS: Mapping[str, Proposal] = {
    "multi_value": Proposal("multi-value"),
    "bulk_memory": Proposal("bulk memory"),
    "simd": Proposal("SIMD", frozenset({"relaxed_simd"})),
    "relaxed_simd": Proposal("relaxed SIMD"),
    "tail_call": Proposal("tail calls"),
    "threads": Proposal("threads", here=False),
    "memory64": Proposal("64-bit memory", here=False),
    "multi_memory": Proposal("several memories"),
    "function_references": Proposal("function references", frozenset({"gc", "stack_switching"})),
    "gc": Proposal("garbage collection", frozenset({"stack_switching"})),
    "exceptions": Proposal("exceptions", frozenset({"stack_switching"})),
    LEGACY_EXCEPTIONS: Proposal("legacy exceptions", here=False),
    "stack_switching": Proposal("stack switching", in_envoy=False, here=False),
    "wide_arithmetic": Proposal("wide arithmetic", in_envoy=False, here=False),
    "custom_page_sizes": Proposal("custom page sizes", in_envoy=False, here=False),
}
