"""The nouns that every side of meshloom shares: headers, request, response, exchange.

Floor 0 of the house: no I/O, nothing that knows Envoy, WASM or YAML. They are made by the million,
so they are msgspec's: a frozen dataclass sets each field by a call.
A capture (``tap``), a filter under test (``wasm_filters``), a claim being proven (``mini_mesh``)
and a debugger all speak of the same request, so they use the same class for it.
"""

from msgspec.structs import replace

from mesh_traffic.exchange import Endpoint, Exchange, Timing, Trace
from mesh_traffic.headers import Headers
from mesh_traffic.message import Body, Request, Response

__all__ = [
    "Body",
    "Endpoint",
    "Exchange",
    "Headers",
    "Request",
    "Response",
    "Timing",
    "Trace",
    "replace",
]
