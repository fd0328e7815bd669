"""When a cluster takes a host out for a while.

What Envoy does by itself where a file asks for it at all is said here: five 5xx in a row, and the
success rate among five hosts or more.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.message import Message
from mesh_yaml.node import Node

Made = dict[str, Any]

_TIMES = ("interval", "base_ejection_time", "max_ejection_time", "max_ejection_percent")
_IN_A_ROW = {  # what is counted: its number and its share by default
    "consecutive_5xx": (5, 100),
    "consecutive_gateway_failure": (5, 0),
}
_SUCCESS = {
    "success_rate_minimum_hosts": "minimum_hosts",
    "success_rate_request_volume": "request_volume",
}
_FAILURE = {
    "failure_percentage_threshold": "threshold",
    "failure_percentage_minimum_hosts": "minimum_hosts",
    "failure_percentage_request_volume": "request_volume",
}
MINIMUM_HOSTS = 5  # below that Envoy compares nobody's success


def read(message: Message, hosts: int) -> Made:
    """``hosts``: how many there are."""
    asked = message.part("outlier_detection")
    if asked is None:
        return {}
    made: Made = {name: value for name in _TIMES if (value := asked.get(name)) is not None}
    for name, (number, share) in _IN_A_ROW.items():
        enforced = asked.number(f"enforcing_{name}", share)
        count = asked.number(name, number)
        if enforced and count:
            made[name] = count
        if 0 < enforced < 100:
            asked.left_out(f"enforcing_{name} {enforced}: all are carried out")
    made |= _success_rate(asked, hosts) | _failures(asked)
    asked.rest("outlier_detection.")
    return made


def _success_rate(asked: Message, hosts: int) -> Made:
    enforced = asked.number("enforcing_success_rate", 100)
    names = {ours: value for theirs, ours in _SUCCESS.items() if (value := asked.get(theirs))}
    factor = asked.number("success_rate_stdev_factor", 1900) / 1000
    wanted = asked.number("success_rate_minimum_hosts", MINIMUM_HOSTS)
    if not enforced or hosts < wanted:
        return {}
    return {"success_rate": {**names, "stdev_factor": factor, "enforcing": enforced}}


def _failures(asked: Message) -> Made:
    enforced = asked.number("enforcing_failure_percentage", 0)
    names: dict[str, Node] = {
        ours: value for theirs, ours in _FAILURE.items() if (value := asked.get(theirs))
    }
    return {"failure_percentage": {**names, "enforcing": enforced}} if enforced else {}
