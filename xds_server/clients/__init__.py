"""What is known of the clients, and the services that tell it or ask them: CSDS, LRS, HDS."""
