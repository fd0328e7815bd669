"""Federation: a mesh tells another which of its services that one may use, by Hamlet's protocol."""
