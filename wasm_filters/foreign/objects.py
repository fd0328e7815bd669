"""The objects of Envoy's own that ``set_envoy_filter_state`` can make, by their keys.

Each is made from a text, or is None where Envoy refuses that text.
Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/well_known_filter_state
and what Envoy 1.40 lists as ``filter_state.object`` when it starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wasm_filters.properties.addresses import parsed, without_port, written
from wasm_filters.properties.filter_state import EnvoyObject
from wasm_filters.properties.values import Record

_TRUE = frozenset({"true", "t", "yes", "y", "1"})  # absl::SimpleAtob, in any case
_FALSE = frozenset({"false", "f", "no", "n", "0"})
_NUMBER = re.compile(r"[ \t\n\v\f\r]*\+?([0-9]+)[ \t\n\v\f\r]*", re.ASCII)  # absl::SimpleAtoi
_PROTOCOLS = frozenset(
    {
        "LLM_PROTOCOL_UNSPECIFIED",
        "OPENAI_CHAT_COMPLETIONS",
        "OPENAI_RESPONSES",
        "ANTHROPIC_MESSAGES",
        "GEMINI_GENERATE_CONTENT",
    }
)
_SILENT = EnvoyObject()


def _text(text: str) -> EnvoyObject | None:
    return EnvoyObject(text)


def _some_text(text: str) -> EnvoyObject | None:
    return EnvoyObject(text) if text else None


def _silent(text: str) -> EnvoyObject | None:
    return _SILENT


def _bool(text: str) -> EnvoyObject | None:
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        return EnvoyObject("true" if word in _TRUE else "false")
    return None


def _exactly_true(text: str) -> EnvoyObject | None:
    return EnvoyObject("true" if text == "true" else "false")


def _number(bits: int) -> Callable[[str], EnvoyObject | None]:
    def make(text: str) -> EnvoyObject | None:
        match = _NUMBER.fullmatch(text)
        number = int(match.group(1)) if match and len(text) < 64 else -1
        return EnvoyObject(str(number)) if 0 <= number < 1 << bits else None

    return make


def _protocol(text: str) -> EnvoyObject | None:
    return EnvoyObject(fields=Record(llm_protocol=text)) if text in _PROTOCOLS else None


def _ip(text: str) -> EnvoyObject | None:
    address = parsed(text)
    return None if address is None else EnvoyObject(without_port(address))


def _ip_and_port(text: str) -> EnvoyObject | None:
    host, colon, number = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    address = parsed(host.strip("[]") if bracketed else host)
    if address is None or not colon or (address.version == 6) is not bracketed:
        return None
    if not (number.isascii() and number.isdecimal() and int(number) < 1 << 16):
        return None
    return EnvoyObject(fields=Record(ip=written(address), port=int(number)))


def _proxy(text: str) -> EnvoyObject | None:
    """``HOST:PORT,IP:PORT``: where the request goes, and the proxy on the way."""
    target, _, proxy = text.partition(",")
    return _SILENT if target and _ip_and_port(proxy) is not None else None


OBJECTS: Mapping[str, Callable[[str], EnvoyObject | None]] = {
    "envoy.ai.llm_protocol.request": _protocol,
    "envoy.ai.model.request": _some_text,
    "envoy.bool": _bool,
    "envoy.filters.listener.original_dst.local_ip": _ip_and_port,
    "envoy.filters.listener.original_dst.remote_ip": _ip_and_port,
    "envoy.hashable_string": _text,
    "envoy.network.application_protocols": _silent,
    "envoy.network.ip": _ip,
    "envoy.network.network_namespace": _text,
    "envoy.network.transport_socket.http_11_proxy.info": _proxy,
    "envoy.network.transport_socket.original_dst_address": _ip_and_port,
    "envoy.network.upstream_server_name": _text,
    "envoy.network.upstream_subject_alt_names": _text,
    "envoy.ratelimit.hits_addend": _number(32),
    "envoy.router.debug_config": _silent,
    "envoy.string": _text,
    "envoy.tcp_proxy.cluster": _text,
    "envoy.tcp_proxy.disable_tunneling": _exactly_true,
    "envoy.tcp_proxy.per_connection_idle_timeout_ms": _number(64),
    "envoy.upstream.dynamic_host": _text,
    "envoy.upstream.dynamic_port": _number(32),
}
