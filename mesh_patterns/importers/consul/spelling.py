"""One spelling for all: ``NumRetries``, ``num_retries`` and ``numRetries`` are the same to Consul.

A key that nobody knows stays as it is, and is told of later.
"""

from __future__ import annotations

from mesh_yaml.node import Node

_WORDS = """
    accessLogs action add addresses arguments baseEjectionTime caFile caseInsensitive certFile
    choiceCount code config configuration connectTimeout connectTimeoutMs contains cookieConfig
    datacenter datacenters default defaults defaultSubset description destination enabled
    enforcingConsecutive5xx envoyExtensions exact externalSNI failover field fieldValue filename
    filter hashPolicies header hosts http idleTimeout ignoreCase instanceLevel interval invert jwt
    keyFile kind leastRequestConfig limits listener listenerType listeners loadBalancer local
    match maxConcurrentRequests maxConnections maxEjectionPercent maxFailures maximumRingSize
    maxInboundConnections maxPendingRequests meshGateway meta methods minimumRingSize name
    namespace numRetries onlyPassing overrides partition passiveHealthCheck path pathExact
    pathPrefix pathRegex peer permissions pluginConfig policy port prefix prefixRewrite present
    protocol proxyType queryParam rateLimits redirect regex remove requestHeaders requestsMaxBurst
    requestsPerSecond requestTimeout required responseHeaders retryOn retryOnConnectFailure
    retryOnStatusCodes ringHashConfig rootID routes samenessGroup script service services
    serviceSubset session set sni sources sourceIP splits subsets suffix targets terminal tls ttl
    upstreamConfig vmConfig weight
"""
_SPELLED = {word.lower(): word for word in _WORDS.split()}
# below these, keys are names that somebody gave
_FREE = frozenset({"subsets", "failover", "meta", "add", "set"})
_OPAQUE = frozenset({"meta", "config"})  # what is in there is none of Consul's own


def spelled(name: str) -> str:
    """A key as the Kubernetes resources have it."""
    return _SPELLED.get(name.lower().replace("_", ""), name)


def normal(node: Node, free: bool = False) -> Node:
    """A tree whose keys are spelled so; ``free`` are those of a mapping by names."""
    if isinstance(node.value, tuple):
        return Node(tuple(normal(each) for each in node.value), node.place, node.key)
    if not isinstance(node.value, dict):
        return node
    made: dict[str, Node] = {}
    for name, item in node.value.items():
        known = name if free else spelled(name)
        made[known] = item if known in _OPAQUE else normal(item, known in _FREE and not free)
    return Node(made, node.place, node.key)
