"""The filter that lets somebody hold requests: Envoy's ext_proc, for those that a row is about.

Its config comes by ECDS, so rows come and go without touching a listener or a connection. Each row
has a filter of its own, run by Envoy's composite filter, because what becomes of a request whose
gate is away is a setting of the filter. Without a row, a matcher skips all of it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/composite_filter
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mesh_patterns.compile.ext_proc import metadata_of, on_match, service
from mesh_patterns.compile.values import ads
from mesh_patterns.placement import GATE
from xds_server.mirror import any_of, type_url_of
from xds_server.protos import (
    composite,
    core,
    ext_proc,
    hcm,
    matcher_action,
    matching,
    mutation_rules,
    xds_matcher,
)
from xds_server.resource import Resource

NAME = "meshloom.gate"
STATS = "meshloom_gate"  # its counters are http.….ext_proc.meshloom_gate.…
ANSWERS_WITHIN = timedelta(seconds=5)  # whoever holds a request says so, and has longer
HOLDS_AT_MOST = timedelta(hours=1)  # the longest that Envoy grants
# what a held request is known by, beside what it says itself
ATTRIBUTES = (
    "xds.route_name",
    "xds.virtual_host_name",
    "xds.cluster_name",
    "xds.filter_chain_name",
    "source.address",
    "source.port",
    "destination.address",
    "destination.port",
    "request.protocol",
    "request.time",
    "connection.id",
    "connection.mtls",
    "connection.requested_server_name",
    "connection.tls_version",
    "connection.uri_san_peer_certificate",
)
RESPONSE_ATTRIBUTES = ("upstream.address", "upstream.cluster", "response.code_details")

Predicate = xds_matcher.MatcherMatcherListPredicate


@dataclass(frozen=True, slots=True)
class Row:
    """Requests for which ``predicate`` holds are sent. Where nobody answers, they go on if
    ``fail_open``, and are answered with 500 otherwise."""

    predicate: Predicate
    fail_open: bool = True


@functools.cache
def http_filter() -> hcm.HttpFilter:
    """The filter in a listener; :func:`extension` is what it is told to do."""
    source = core.ExtensionConfigSource(
        config_source=ads(), type_urls=[type_url_of(matching.ExtensionWithMatcher)]
    )
    return hcm.HttpFilter(name=NAME, config_discovery=source)


def extension(node: str, rows: Sequence[Row] = ()) -> Resource:
    """What the filter does in the Envoy ``node``: of several rows, the first that holds counts."""
    matcher = xds_matcher.Matcher(on_no_match=on_match("skip", matcher_action.SkipFilter()))
    if rows:
        matcher = xds_matcher.Matcher(
            matcher_list=xds_matcher.MatcherMatcherList(
                matchers=[
                    xds_matcher.MatcherMatcherListFieldMatcher(
                        predicate=row.predicate, on_match=on_match("hold", _execute(node, row))
                    )
                    for row in rows
                ]
            )
        )
    inner = core.TypedExtensionConfig(name=NAME, typed_config=any_of(composite.Composite()))
    config = matching.ExtensionWithMatcher(xds_matcher=matcher, extension_config=inner)
    return Resource.of(core.TypedExtensionConfig(name=NAME, typed_config=any_of(config)))


def _execute(node: str, row: Row) -> composite.ExecuteFilterAction:
    filter_config = any_of(_processor(node, row.fail_open))
    return composite.ExecuteFilterAction(
        typed_config=core.TypedExtensionConfig(name=NAME, typed_config=filter_config)
    )


def _processor(node: str, fail_open: bool) -> ext_proc.ExternalProcessor:
    return ext_proc.ExternalProcessor(
        grpc_service=service(GATE, metadata_of(node)),
        failure_mode_allow=fail_open,
        allow_mode_override=True,  # what else is sent of a request, its gate says
        processing_mode=ext_proc.ProcessingMode(
            request_header_mode=ext_proc.ProcessingModeHeaderSendMode.SEND,
            response_header_mode=ext_proc.ProcessingModeHeaderSendMode.SKIP,
        ),
        request_attributes=list(ATTRIBUTES),
        response_attributes=list(RESPONSE_ATTRIBUTES),
        message_timeout=ANSWERS_WITHIN,
        max_message_timeout=HOLDS_AT_MOST,
        mutation_rules=mutation_rules.HeaderMutationRules(allow_all_routing=True, allow_envoy=True),
        allow_content_length_header=True,  # of a body that is changed, the gate says the length
        stat_prefix=STATS,
    )
