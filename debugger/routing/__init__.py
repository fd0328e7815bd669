"""Which route a request takes, from Envoy's resources alone, as Envoy 1.39 and 1.40 decide it.

Nothing here opens or waits: a ``RouteConfiguration`` and a request in, a :class:`Decision` out,
with every route that was looked at and why it was not taken. The tests ask real Envoys the same.
https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/http/http_routing
"""
