"""The taps' real Envoy, for the one test that needs it."""

from tests.tap.conftest import envoy, envoy_binary, upstream

__all__ = ["envoy", "envoy_binary", "upstream"]
