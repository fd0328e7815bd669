"""The protocol's rules, by number, and the tests that each of them has.

The numbers are those of a list made from Envoy's "xDS REST and gRPC protocol": transport (1 to 8),
state of the world (9 to 35), incremental (36 to 53), order and warming (54 to 59), time to live
(60, 61), REST and files (62, 63), gRPC clients (64 to 66).
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

RULES = {
    1: "services.every_method_answers_in_its_type services.all_services_have_both_variants_but_"
    "virtual_hosts",
    2: "sotw.each_type_has_its_own_nonce_and_subscription",
    3: "wire.a_request_without_a_type_url_is_refused "
    "wire.on_a_stream_of_one_type_the_type_goes_without_saying_and_another_is_refused",
    4: "server.the_node_of_the_first_request_holds_for_the_whole_stream",
    5: "server.the_node_of_the_first_request_holds_for_the_whole_stream",
    6: "snapshot.a_types_version_depends_on_its_resources_and_not_on_their_order",
    7: "sotw.a_nonce_of_another_stream_says_nothing_and_does_no_harm",
    8: "real_envoy_rules.all_types_of_one_envoy_share_one_stream",
    9: "sotw.a_client_that_comes_back_with_another_version_is_sent_everything",
    10: "sotw.an_ack_is_not_answered_with_unchanged_resources",
    11: "sotw.a_nack_is_told_by_its_error_and_never_by_its_version "
    "wire.an_empty_error_detail_is_a_nack_all_the_same",
    12: "sotw.a_nack_is_told_by_its_error_and_never_by_its_version",
    13: "sotw.an_ack_is_not_answered_with_unchanged_resources",
    14: "sotw.a_nacked_content_is_not_sent_again "
    "real_envoy.a_nacked_route_keeps_the_old_one_and_names_its_line",
    15: "sotw.a_later_request_supersedes_an_earlier_one",
    16: "sotw.a_request_with_a_stale_nonce_is_never_answered",
    17: "sotw.several_requests_at_one_version_are_legal",
    18: "sotw.a_new_name_is_sent_though_it_did_not_change_also_with_an_ack",
    19: "sotw.a_new_name_is_sent_though_it_did_not_change_also_with_an_ack",
    20: "session_fuzz.a_client_that_answers_ends_with_what_it_asked_for",
    21: "sotw.an_empty_list_after_names_is_no_wildcard "
    "subscription.a_name_ends_the_legacy_wildcard_of_a_sotw_stream_for_good",
    22: "sotw.an_empty_first_list_is_the_legacy_wildcard_of_listeners_and_clusters "
    "subscription.only_the_types_that_have_a_legacy_wildcard_get_one",
    23: "sotw.an_explicit_wildcard_may_stand_beside_names_and_end",
    24: "real_envoy.two_envoys_in_two_groups_are_served_apart",
    25: "sotw.listeners_and_clusters_are_sent_whole_and_absence_deletes "
    "sotw.scoped_routes_are_sent_whole_since_envoy_drops_what_is_left_out "
    "real_envoy_types.a_scope_that_did_not_change_stays_when_another_one_does",
    26: "sotw.of_other_types_only_what_changed_is_sent_and_nothing_for_what_went",
    27: "snapshot.two_resources_of_one_name_are_refused",
    28: "sotw.listeners_and_clusters_are_sent_whole_and_absence_deletes",
    29: "sotw.of_other_types_only_what_changed_is_sent_and_nothing_for_what_went",
    30: "sotw.a_missing_name_is_remembered_and_pushed_when_it_appears",
    31: "sotw.a_missing_name_is_remembered_and_pushed_when_it_appears",
    32: "subscription.a_sotw_list_replaces_the_one_before_and_tells_what_is_new",
    33: "sotw.a_client_that_takes_everything_can_not_drop_a_single_resource",
    34: "server.one_client_may_have_several_streams_of_a_type "
    "real_envoy_services.a_mesh_whose_types_have_a_stream_each_is_served_and_changed",
    35: "sotw.a_client_that_comes_back_with_the_version_is_sent_no_clusters_but_its_endpoints "
    "real_envoy.a_restart_of_the_server_fails_no_request_and_touches_no_listener",
    36: "wire.a_delta_response_is_what_protobuf_reads",
    37: "delta.an_ack_is_a_nonce_and_a_nack_one_with_an_error",
    38: "delta.a_change_of_the_subscription_counts_with_a_stale_nonce",
    39: "delta.an_ack_may_carry_a_subscription",
    40: "delta.each_name_that_is_subscribed_is_answered_though_the_client_has_it",
    41: "delta.unsubscribing_what_was_not_subscribed_is_ignored",
    42: "delta.a_pure_unsubscribe_is_not_answered_and_ends_the_updates",
    43: "delta.a_name_given_back_beside_the_wildcard_is_answered",
    44: "delta.an_empty_first_request_is_the_legacy_wildcard_and_is_answered "
    "delta.a_later_empty_request_changes_nothing",
    45: "delta.a_name_beside_the_legacy_wildcard_keeps_it_and_unsubscribing_the_star_ends_it",
    46: "delta.a_client_that_comes_back_is_sent_what_it_does_not_hold "
    "delta.a_named_resource_that_the_client_holds_is_not_sent_on_its_return",
    47: "delta.a_new_stream_remembers_nothing_of_the_one_before",
    48: "delta.a_subscribed_name_that_is_missing_is_told_to_be_removed_and_pushed_later "
    "real_envoy.delta_answers_at_once_for_endpoints_that_are_missing",
    49: "delta.a_deletion_is_told_once_and_only_to_subscribers",
    50: "delta.only_changed_resources_are_sent "
    "resource.the_version_changes_exactly_when_the_content_does",
    51: "delta.a_resource_may_be_asked_for_by_its_alias_and_is_sent_under_its_name",
    52: "delta.an_unknown_host_is_answered_without_a_body_and_pushed_when_it_appears "
    "real_envoy_types.a_host_that_nobody_knows_is_refused_at_once_and_served_once_it_is_there",
    53: "delta.a_changed_route_configuration_takes_its_virtual_hosts_along "
    "real_envoy_types.virtual_hosts_are_sent_again_after_their_route_configuration",
    54: "sotw.types_are_pushed_make_before_break sotw.a_cluster_leaves_after_the_traffic_moved "
    "real_envoy.a_cluster_that_is_replaced_loses_no_request",
    55: "sotw.a_changed_cluster_needs_its_endpoints_again "
    "delta.a_changed_cluster_needs_its_endpoints_again "
    "real_envoy.a_changed_cluster_gets_its_endpoints_again_and_becomes_warm",
    56: "real_envoy_rules.a_changed_listener_reuses_its_routes_and_a_new_name_of_routes_"
    "is_asked_for",
    57: "sotw.a_route_waits_until_its_new_cluster_is_accepted",
    58: "real_envoy_rules.envoy_stays_uninitialised_until_its_clusters_have_their_endpoints",
    59: "real_envoy_rules.a_snapshot_is_not_atomic_and_its_routes_count_though_its_listener_"
    "is_refused",
    60: "heartbeats.a_lifetime_is_told_to_delta_clients_that_announce_to_know_it "
    "heartbeats.a_lifetime_is_told_to_sotw_clients_that_know_a_wrapped_resource_too "
    "real_envoy_lifetimes.envoy_announces_what_its_bootstrap_says_and_nothing_by_itself",
    61: "heartbeats.a_heartbeat_says_name_version_and_lifetime_and_nothing_else "
    "heartbeats.a_heartbeat_is_no_update_and_its_ack_is_of_no_account "
    "heartbeats.a_resend_without_a_lifetime_takes_it_away "
    "real_envoy_lifetimes.a_cluster_stays_while_heartbeats_come_and_goes_without_them",
    62: "rest.what_a_client_holds_already_is_not_sent_again "
    "rest.an_envoy_that_polls_is_served_and_takes_a_change",
    63: "real_envoy_rules.a_response_in_a_file_is_configuration_too",
    64: "grpcio.a_grpc_client_opens_one_sotw_stream_and_asks_for_names_only "
    "grpcio.the_stream_of_a_grpc_client_is_an_aggregated_sotw_one",
    65: "grpcio.a_grpc_client_uses_what_is_valid_in_a_response_that_it_refuses",
    66: "real_envoy.refused_clusters_listeners_and_endpoints_are_told_by_field",
}


@functools.cache
def functions(module: str) -> frozenset[str]:
    (file,) = Path(__file__).parent.rglob(f"test_{module}.py")
    tree = ast.parse(file.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


@pytest.mark.parametrize("rule", range(1, 67))
def test_every_rule_of_the_protocol_has_its_tests(rule: int) -> None:
    for each in RULES[rule].split():
        module, _, claim = each.partition(".")
        assert f"test_{claim}" in functions(module), f"rule {rule}: {each}"
