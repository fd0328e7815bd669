"""Who answers: the upstream behind the filters, and the services that filters call.

``upstream`` (functions that answer) and ``real_service`` (servers that do) → ``http_client`` (what
Envoy's client makes of an answer) → ``callouts`` and ``grpc_calls`` (how it comes to the plugin).
"""
