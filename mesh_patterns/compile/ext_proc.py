"""The filter that sends requests to who captures: Envoy's ext_proc, which only observes.

Its config comes by ECDS, so it is switched on and off, and told what to capture, without touching a
listener or a connection. While nobody watches, a matcher skips it: no stream is opened.

Who a stream is about stands in its metadata. Attributes would do for some of it, but
``source.address`` is what ``x-forwarded-for`` claims, and no other source knows a request by that.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_proc_filter
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from mesh_patterns.compile.values import ads
from mesh_patterns.placement import PROCESSOR
from xds_server import protos
from xds_server.mirror import any_of, type_url_of
from xds_server.protos import core, ext_proc, hcm, matcher_action, matching, xds_core, xds_matcher
from xds_server.resource import Resource

NAME = "meshloom.ext_proc"
STATS = "meshloom"  # its counters are http.….ext_proc.meshloom.…
# metadata of each stream: what Envoy itself knows of the request, and its access log tells as well
METADATA = {
    "x-meshloom-client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "x-meshloom-listener": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "x-meshloom-started": "%START_TIME(%s.%6f)%",
}
NODE = "x-meshloom-node"

Wanted = xds_matcher.MatcherMatcherListPredicate


@functools.cache
def http_filter() -> hcm.HttpFilter:
    """The filter in a listener; :func:`extension` is what it is told to do."""
    kinds = (ext_proc.ExternalProcessor, matching.ExtensionWithMatcher)
    source = core.ExtensionConfigSource(
        config_source=ads(), type_urls=[type_url_of(kind) for kind in kinds]
    )
    return hcm.HttpFilter(name=NAME, config_discovery=source)


def extension(node: str, wanted: Wanted | bool = False) -> Resource:
    """What the filter does in the Envoy ``node``: whether it captures, or of which requests that
    holds."""
    config = any_of(_processor(node))
    if wanted is not True:
        inner = core.TypedExtensionConfig(name=NAME, typed_config=config)
        wrapped = matching.ExtensionWithMatcher(
            xds_matcher=_skipping(wanted or None), extension_config=inner
        )
        config = any_of(wrapped)
    return Resource.of(core.TypedExtensionConfig(name=NAME, typed_config=config))


def metadata_of(node: str) -> dict[str, str]:
    """What each stream of that Envoy tells of itself."""
    return {NODE: node.replace("%", "%%"), **METADATA}


def _skipping(wanted: Wanted | None) -> xds_matcher.Matcher:
    """A matcher has to say what is skipped; None: everything."""
    skip = on_match("skip", matcher_action.SkipFilter())
    if wanted is None:
        return xds_matcher.Matcher(on_no_match=skip)
    unwanted = xds_matcher.MatcherMatcherListPredicate(not_matcher=wanted)
    row = xds_matcher.MatcherMatcherListFieldMatcher(predicate=unwanted, on_match=skip)
    return xds_matcher.Matcher(matcher_list=xds_matcher.MatcherMatcherList(matchers=[row]))


def on_match(name: str, action: protos.Message) -> xds_matcher.MatcherOnMatch:
    """What a matcher's row leads to."""
    told = xds_core.TypedExtensionConfig(name=name, typed_config=any_of(action))
    return xds_matcher.MatcherOnMatch(action=told)


def service(cluster: str, metadata: Mapping[str, str]) -> core.GrpcService:
    """Who takes the streams, and what each of them tells of itself."""
    return core.GrpcService(
        envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=cluster, skip_envoy_headers=True),
        initial_metadata=[core.HeaderValue(key=k, value=v) for k, v in metadata.items()],
    )


def _processor(node: str) -> ext_proc.ExternalProcessor:
    send = ext_proc.ProcessingModeHeaderSendMode.SEND
    body = ext_proc.ProcessingModeBodySendMode.STREAMED  # the others are not sent in this mode
    return ext_proc.ExternalProcessor(
        grpc_service=service(PROCESSOR, metadata_of(node)),
        observability_mode=True,
        failure_mode_allow=True,
        processing_mode=ext_proc.ProcessingMode(
            request_header_mode=send,
            response_header_mode=send,
            request_body_mode=body,
            response_body_mode=body,
            request_trailer_mode=send,
            response_trailer_mode=send,
        ),
        response_attributes=["upstream.address"],
        stat_prefix=STATS,
    )
