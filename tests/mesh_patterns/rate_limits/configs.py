"""Configurations of rate limit services, read from text."""

from __future__ import annotations

from textwrap import dedent

from mesh_patterns.rate_limits.rules import Domain
from mesh_patterns.rate_limits.spec import ConfigSpec, domains
from mesh_yaml import yaml
from mesh_yaml.build import build


def read(*texts: str) -> tuple[Domain, ...]:
    nodes = [each for text in texts for each in yaml.parse(dedent(text), "limits.yaml")]
    return domains(build(ConfigSpec, each) for each in nodes)


MAIL = """
domain: mail
descriptors:
  - key: kind
    value: advertising
    descriptors:
      - {key: to, rate_limit: {unit: day, requests_per_unit: 5}}
  - {key: to, rate_limit: {unit: day, requests_per_unit: 100}}
"""
ADDRESSES = """
domain: edge
descriptors:
  - {key: remote_address, rate_limit: {unit: second, requests_per_unit: 10}}
  - {key: remote_address, value: 192.0.2.7, rate_limit: {unit: second, requests_per_unit: 0}}
"""
UNLIMITED = """
domain: inside
descriptors:
  - {key: ldap, rate_limit: {unlimited: true}}
  - {key: cloud, rate_limit: {unit: minute, requests_per_unit: 100}}
"""
SHADOW = """
domain: soft
descriptors:
  - key: service
    descriptors:
      - key: user
        value: ann
        rate_limit: {unit: hour, requests_per_unit: 1}
        shadow_mode: true
      - {key: user, value: bob, rate_limit: {unit: hour, requests_per_unit: 2}}
"""
REPLACES = """
domain: swap
descriptors:
  - key: kind
    value: read
    descriptors:
      - {key: user, value: ann, rate_limit: {name: reading, unit: hour, requests_per_unit: 5}}
  - key: path
    value: /reports
    descriptors:
      - key: user
        value: ann
        rate_limit: {replaces: [{name: reading}], unit: hour, requests_per_unit: 10}
"""
WILDCARDS = """
domain: wild
descriptors:
  - {key: path, value: /api/*, rate_limit: {unit: hour, requests_per_unit: 20}}
  - {key: path, value: /api/login, rate_limit: {unit: hour, requests_per_unit: 3}}
  - {key: path, rate_limit: {unit: hour, requests_per_unit: 50}}
"""
