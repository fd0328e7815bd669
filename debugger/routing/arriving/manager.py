"""What an HTTP connection manager does to a request before it is routed, as far as routes can tell.

https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from debugger.routing.arriving import canonical
from debugger.routing.arriving.arrival import Arrival, StreamInfo
from debugger.routing.decision import Redirect, Respond
from mesh_traffic import Headers, Request, replace

EscapedSlashes = Literal["keep", "reject", "redirect", "forward"]
_ESCAPED: dict[int, EscapedSlashes] = {2: "reject", 3: "redirect", 4: "forward"}
MAX_DIGITS = 20  # of a number of 64 bits
MAX_PORT = 2**32 - 1  # what Envoy takes for a number of a port

_HOP_BY_HOP = frozenset(("keep-alive", "proxy-connection", "transfer-encoding", "x-envoy-internal"))
_OF_UPGRADES = frozenset(("connection", "upgrade"))
# An outsider can't tell Envoy how to route; nobody is inside unless internal_address_config says so
_NAMES = """
    x-envoy-expected-rq-timeout-ms x-envoy-force-trace x-envoy-hedge-on-per-try-timeout
    x-envoy-ip-tags x-envoy-max-retries x-envoy-original-url x-envoy-retriable-header-names
    x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on
    x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms
    x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms
    x-envoy-upstream-stream-duration-ms
"""
_OF_INSIDERS = frozenset(_NAMES.split())
_DROPPED = _HOP_BY_HOP | _OF_INSIDERS
_FORWARDED = "x-forwarded-proto"


@dataclass(frozen=True, slots=True)
class ConnectionManager:
    """Its settings that matter for routing. ``listener_port`` is what ``strip_matching`` compares;
    ``unread`` are words about settings that could change a request and are not read here.
    """

    strip_matching: bool = False
    strip_any: bool = False
    strip_dot: bool = False
    normalize_path: bool = False
    merge_slashes: bool = False
    escaped_slashes: EscapedSlashes = "keep"
    use_remote_address: bool = False
    generate_request_id: bool = True
    preserve_request_id: bool = False
    keeps_certificate: bool = False
    listener_port: int | None = None
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: Any, listener_port: int | None = None) -> ConnectionManager:
        """From the ``HttpConnectionManager`` as a protobuf message."""
        ids = message.generate_request_id
        return cls(
            strip_matching=message.strip_matching_host_port,
            strip_any=message.strip_any_host_port,
            strip_dot=message.strip_trailing_host_dot,
            normalize_path=message.normalize_path.value,
            merge_slashes=message.merge_slashes,
            escaped_slashes=_ESCAPED.get(message.path_with_escaped_slashes_action, "keep"),
            use_remote_address=message.use_remote_address.value,
            generate_request_id=ids.value if message.HasField("generate_request_id") else True,
            preserve_request_id=message.preserve_external_request_id,
            keeps_certificate=message.forward_client_cert_details != 0,
            listener_port=listener_port,
            unread=tuple(_unread(message)),
        )

    def receive(
        self, request: Request, stream: StreamInfo | None = None
    ) -> Arrival | Respond | Redirect:
        """The request as routes will see it, or Envoy's answer where it does not come that far."""
        if request.method != "CONNECT":
            path = self._path(request.path)
            if not isinstance(path, str):
                return path
            request = replace(request, path=path)
        headers = self._headers(request)
        scheme = _scheme(request.scheme, headers, stream)
        if _FORWARDED not in headers:
            headers = headers.added(_FORWARDED, scheme)
        authority = self._authority(request.authority)
        seen = replace(request, authority=authority, scheme=scheme, headers=headers)
        return Arrival(seen, stream, self._made(request))

    def _path(self, path: str) -> str | Respond | Redirect:
        if not path.startswith("/"):
            return Respond(
                400, None, "", f"the path is {path!r}, Envoy wants one that starts with /"
            )
        if "#" in path:
            return Respond(400, None, "", "the path has a fragment")
        moved = False
        if self.escaped_slashes != "keep" and canonical.has_escaped_slashes(path):
            if self.escaped_slashes == "reject":
                return Respond(400, None, "", "the path has escaped slashes")
            path, moved = canonical.unescaped_slashes(path), self.escaped_slashes == "redirect"
        found = canonical.normal(path) if self.normalize_path else path
        if found is None:
            return Respond(400, None, "", "the path can't be made canonical")
        found = canonical.merged_slashes(found) if self.merge_slashes else found
        if moved:
            return Redirect(307, found, "", "the path had escaped slashes")
        return found

    def _authority(self, authority: str) -> str:
        if self.strip_dot:
            authority = _without_dot(authority)
        if not self.strip_any and not self.strip_matching:
            return authority
        host, text = host_and_port(authority)
        port = whole(text or "")
        if port is None or port > MAX_PORT:
            return authority
        return host if self.strip_any or port == self.listener_port else authority

    def _headers(self, request: Request) -> Headers:
        upgrades = _upgrades(request.headers)
        return Headers(
            tuple(
                [
                    (name, value)
                    for name, value in request.headers.fields
                    if self._stays(name.lower(), value, upgrades)
                ]
            )
        )

    def _stays(self, name: str, value: str, upgrades: bool) -> bool:
        if name in _OF_UPGRADES:
            return upgrades
        if name == "te":
            return "trailers" in (word.strip().lower() for word in value.split(","))
        if name == "x-forwarded-client-cert":
            return self.keeps_certificate
        return name not in _DROPPED and not (self.use_remote_address and name == _FORWARDED)

    def _made(self, request: Request) -> frozenset[str]:
        made = set()
        if self.use_remote_address:
            made |= {"x-forwarded-for", "x-envoy-external-address"}
        trusted = self.preserve_request_id or not self.use_remote_address
        if self.generate_request_id and not (trusted and "x-request-id" in request.headers):
            made.add("x-request-id")
        return frozenset(made)


def whole(text: str) -> int | None:
    """A number of decimal digits, of bounded length once its zeros are gone; else ``None``."""
    digits = text.lstrip("0") or text[:1]
    if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS:
        return int(digits)
    return None


def host_and_port(authority: str) -> tuple[str, str | None]:
    """The parts around the last colon, unless that belongs to an IPv6 address."""
    at = authority.rfind(":")
    if at < 0 or authority.rfind("]") > at:
        return authority, None
    return authority[:at], authority[at + 1 :]


def _without_dot(authority: str) -> str:
    at = authority.rfind(".")
    if at >= 0 and authority[at + 1 : at + 2] in ("", ":"):
        return authority[:at] + authority[at + 1 :]
    return authority


def _scheme(given: str, headers: Headers, stream: StreamInfo | None) -> str:
    """HTTP/1.1 says none, and Envoy believes ``x-forwarded-proto`` rather than the connection."""
    forwarded = headers.get(_FORWARDED, "") or ""
    if forwarded.lower() in ("http", "https"):
        return forwarded.lower()
    if stream is None or stream.tls is None:
        return given
    return "https" if stream.tls else "http"


def _upgrades(headers: Headers) -> bool:
    if "upgrade" not in headers:
        return False
    words = ",".join(headers.get_all("connection")).lower().split(",")
    return "upgrade" in (word.strip() for word in words)


def _unread(message: Any) -> list[str]:
    found = []
    if message.HasField("scoped_routes"):
        found.append("scoped routes: which table applies is decided by scopes, not read here")
    if message.early_header_mutation_extensions:
        found.append(
            "early_header_mutation_extensions change headers before routing, not read here"
        )
    if message.HasField("internal_address_config"):
        found.append("internal_address_config says who may send x-envoy- headers, not read here")
    if message.original_ip_detection_extensions:
        found.append("original_ip_detection_extensions say who is trusted, not read here")
    return found
