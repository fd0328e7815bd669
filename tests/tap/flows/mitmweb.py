"""mitmproxy's web interface, imported once. Python 3.11 gets one that stays off."""

from __future__ import annotations

import sys
import warnings

HAS_TOKEN = sys.version_info >= (3, 12)

if HAS_TOKEN:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of ldap3, which it imports
        import mitmproxy.tools.web.app  # noqa: F401
