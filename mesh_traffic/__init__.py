"""The nouns that every side of meshloom shares: headers, request, response, exchange.

Floor 0 of the house: standard library only, no I/O, nothing that knows Envoy, WASM or YAML.
A capture (``tap``), a filter under test (``wasm_filters``), a claim being proven (``mini_mesh``)
and a debugger all speak of the same request, so they use the same class for it.
"""

from mesh_traffic.exchange import Endpoint, Exchange, Timing
from mesh_traffic.headers import Headers
from mesh_traffic.message import Body, Request, Response

__all__ = ["Body", "Endpoint", "Exchange", "Headers", "Request", "Response", "Timing"]
