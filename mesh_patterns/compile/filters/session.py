"""Sessions as Envoy's stateful session filter has them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/stateful_session_filter
"""

from __future__ import annotations

from datetime import timedelta

from mesh_patterns.kinds.session import Session
from xds_server.mirror import any_of
from xds_server.protos import core, envoy_http_type, session, session_cookie


def message(meaning: Session) -> session.StatefulSession:
    """The filter's configuration: the host's address, in a cookie."""
    cookie = envoy_http_type.Cookie(
        name=meaning.cookie, path=meaning.path, ttl=meaning.ttl or timedelta(0)
    )
    state = session_cookie.CookieBasedSessionState(cookie=cookie)
    return session.StatefulSession(
        session_state=core.TypedExtensionConfig(
            name="envoy.http.stateful_session.cookie", typed_config=any_of(state)
        ),
        strict=meaning.strict,
    )
