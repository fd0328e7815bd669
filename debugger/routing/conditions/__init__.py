"""The conditions of a route, compiled once: each tells whether it holds, and why.

One module per sort, as ``envoy.config.route.v3.RouteMatch`` has them.
"""
