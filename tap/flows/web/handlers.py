"""What the page answers (a door): mitmweb's handlers that read, and a few of our own.

``ROUTES`` is all that there is. A handler's other methods (mitmweb's load, edit, delete) are not
reached. Each asks for the token, but the static files: they are mitmproxy's, and the same for all.
"""

from __future__ import annotations

import hmac
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tornado.web
from mitmproxy import flowfilter
from mitmproxy.tools.web import app
from mitmproxy.utils.strutils import cut_after_n_lines
from tornado.httputil import HTTPServerRequest
from tornado.web import decode_signed_value

from tap.content import Side
from tap.export import EXPORTS
from tap.export import raw as raw_messages
from tap.flows import flow_bytes
from tap.flows.web.bodies import SHAPES
from tap.flows.web.updates import Updates
from tap.flows.web.window import Shown

if TYPE_CHECKING:
    from tap.flows.web.page import Application

COLUMNS = ("icon", "method", "path", "comment", "status", "size", "time")
# What mitmweb's pages read of mitmproxy's options; there are no others.
OPTIONS = {
    **{name: True for name in ("http2", "rawtcp", "upstream_cert", "websocket")},
    "content_view_lines_cutoff": 512,
    "mode": ["regular"],
    "server": False,
    "web_columns": COLUMNS,
    "web_theme": "system",
}
# mitmweb's pages have a mode without a server, that only shows. They ask for it twice: when they
# choose where flows come from (before this), and when they draw what changes flows (after it).
SCRIPT = "window.MITMWEB_STATIC = true;\n"
# What that mode still offers in vain; and room for the comment, which says who asked whom.
STYLE = """\
.btn:has(> .icon-edit), .btn:has(> .icon-upload), .kv-add-row,
.main-menu .menu-group:has(.icon-resumeAll) { display: none; }
.flow-table .col-comment { width: 35%; }
"""


_READ_ONLY = (
    '<script type="module" src="./read-only.js"></script>'
    '<link rel="stylesheet" href="./read-only.css">'
)
_HOLDS = '<link rel="stylesheet" href="./holds.css">'


class Handler(app.RequestHandler):
    application: Application  # type: ignore[assignment] # tornado: its own

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Referrer-Policy", "no-referrer")

    def shown(self, flow_id: str) -> Shown:
        found = self.application.page.window.get(flow_id)
        if found is None:
            raise app.APIError(404, "flow not found")
        return found


class Index(Handler):
    def auth_fail(self, invalid_password: bool) -> None:
        self.render("login.html", invalid_password=invalid_password)

    def get(self) -> None:
        if self.get_argument("token", ""):  # it is in the cookie now, and need not be seen
            self.redirect("/", status=303)
            return
        page = self.render_string("../index.html").decode()
        added = _READ_ONLY if self.application.page.holder is None else _HOLDS
        self.finish(page.replace("</head>", f"{added}</head>"))

    post = get  # the form that asks for the token


class ReadOnly(Handler):
    def get(self, kind: str) -> None:
        script = kind == "js"
        self.set_header("Content-Type", f"text/{'javascript' if script else 'css'}; charset=UTF-8")
        self.finish(SCRIPT if script else STYLE)


class Flows(Handler, app.Flows):
    pass


class FilterHelp(Handler, app.FilterHelp):
    pass


class State(Handler):
    def get(self) -> None:
        nothing = {"servers": {}, "localModeUnavailable": "captures only"}
        about = {"version": self.application.page.about(), "platform": sys.platform}
        self.finish({**about, "contentViews": list(SHAPES), **nothing})


class Options(Handler):
    def get(self) -> None:
        self.finish({name: {"value": value} for name, value in OPTIONS.items()})


class Nothing(Handler):
    """There are no commands, and no log."""

    def get(self) -> None:
        self.write([] if self.request.path.startswith("/events") else {})


class Dump(Handler):
    def get(self) -> None:
        """A flow file of what is shown, or of what a filter lets through."""
        flows = self.application.page.window
        try:
            matches = flowfilter.parse(self.get_argument("filter", "~all") or "~all")
        except ValueError as error:
            raise app.APIError(400, f"no filter: {error}") from error
        wanted = [self.shown(flow.id).exchange for flow in flows if matches(flow)]
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment; filename=flows")
        for part in flow_bytes(wanted):
            self.write(part)


class Download(Handler):
    def get(self, flow_id: str, message: str) -> None:
        """The body without its codings, as bytes."""
        flow = self.shown(flow_id).flow
        found = flow.request if message == "request" else flow.response
        if found is None:
            raise app.APIError(404, "no response was seen")
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f"attachment; filename={flow.id}.{message}")
        self.finish(found.get_content(strict=False) or b"")


class ContentView(Handler):
    def get(self, flow_id: str, message: str, content_view: str) -> None:
        """The body as ``bodies.SHAPES`` show it, no more lines than asked for."""
        shape = SHAPES.get(content_view.lower())
        if shape is None:
            raise app.APIError(400, f"expected one of {', '.join(SHAPES)}")
        page = self.application.page
        shown = asdict(shape(self.shown(flow_id).exchange, cast(Side, message), page.schema))
        lines = self.get_argument("lines", "")
        if lines.isascii() and lines.isdigit():
            shown["text"] = cut_after_n_lines(shown["text"], int(lines[:9]))
        self.finish(shown)


class ExportOne(Handler):
    def post(self) -> None:
        """The one command that there is: a flow as text, for the clipboard."""
        try:
            name, flow = self.json["arguments"]
            shown = self.shown(str(flow).removeprefix("@"))
            self.finish({"value": _exported(str(name), shown)})
        except (ValueError, TypeError, KeyError) as error:
            raise app.APIError(400, "expected arguments: [format, @id]") from error


def _exported(name: str, shown: Shown) -> str:
    exchange = shown.exchange
    if name == "raw_request":
        data = raw_messages.request(exchange.request)
    elif name == "raw_response":
        found = exchange.response
        data = b"" if found is None else raw_messages.response(found, exchange.request.method)
    elif name in ("curl", "httpie", "raw"):
        data = b"".join(EXPORTS[name].write([exchange]))
    else:
        raise ValueError(name)
    return data.decode("utf-8", "replace")


class Refused(tornado.web.RequestHandler):
    """Says why, and no more: it has nothing of the captures."""

    def initialize(self, why: str) -> None:
        self._why = why

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.finish(f"refused: {self._why}\n")

    def check_xsrf_cookie(self) -> None:
        """It changes nothing."""


FLOW = r"/flows/(?P<flow_id>[0-9a-f\-]+)"
SIDE = r"(?P<message>request|response)"
_VIEW = r"(?P<content_view>[a-zA-Z %0-9]+?)"
GET = ("GET",)

Route = tuple[str, type[tornado.web.RequestHandler], Sequence[str]]  # address, handler, methods

# All that the page answers.
ROUTES: Sequence[Route] = (
    (r"/", Index, ("GET", "POST")),
    (r"/updates", Updates, GET),
    (r"/flows(?:\.json)?", Flows, GET),
    (r"/flows/dump", Dump, GET),
    (rf"{FLOW}/{SIDE}/content\.data", Download, GET),
    (rf"{FLOW}/{SIDE}/content/{_VIEW}(?:\.json)?", ContentView, GET),
    (r"/state(?:\.json)?", State, GET),
    (r"/options(?:\.json)?", Options, GET),
    (r"/filter-help(?:\.json)?", FilterHelp, GET),
    (r"/(?:events|commands)(?:\.json)?", Nothing, GET),
    (r"/commands/export", ExportOne, ("POST",)),
)
# And where nobody holds what it shows.
READ_ONLY: Sequence[Route] = ((r"/read-only\.(?P<kind>js|css)", ReadOnly, GET),)


def has_entered(request: HTTPServerRequest, known: Mapping[str, Any]) -> bool:
    """Whether it comes with the cookie that the token gave: before its body is read."""
    name = known["auth_cookie_name"]()
    cookie = request.cookies.get(name)
    given = "" if cookie is None else cookie.value
    found = decode_signed_value(known["cookie_secret"], name, given, min_version=2)
    return found == app.AuthRequestHandler.AUTH_COOKIE_VALUE


def settings(token: str, port: int) -> dict[str, Any]:
    """As mitmweb's own: its pages rely on them."""
    folder = Path(app.__file__).parent
    return {
        "template_path": f"{folder}/templates",
        "static_path": f"{folder}/static",
        "xsrf_cookies": True,
        "xsrf_cookie_name": "_mitmproxy_xsrf",
        "xsrf_cookie_kwargs": {"samesite": "Strict"},
        "cookie_secret": secrets.token_bytes(32),
        "transforms": [app.GZipContentAndFlowFiles],
        "is_valid_password": lambda given: hmac.compare_digest(given.encode(), token.encode()),
        "auth_cookie_name": lambda: f"meshloom-tap-{port}",
        "log_function": lambda handler: None,
        "websocket_max_message_size": 64 * 1024,
    }
