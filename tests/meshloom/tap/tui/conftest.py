"""The taps' real Envoy, for the one test that needs it."""

from tests.tap.conftest import envoy, upstream

__all__ = ["envoy", "upstream"]
