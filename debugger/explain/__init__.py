"""Why a request went where it went: the whole chain in words, each decision with its line.

Two sources are kept apart. *Derived* is what follows from the snapshot that a node was served;
*observed* is what Envoy says happened, in an exchange's access log entry. What chance decides is
derived as all that is possible, and what was observed must be among it.
Nothing here opens or waits: who asks hands in what a control plane answered and an exchange.
"""
