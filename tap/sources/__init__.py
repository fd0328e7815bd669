"""Where captures come from: doors that yield an Envoy's bytes and say when it came and went."""
