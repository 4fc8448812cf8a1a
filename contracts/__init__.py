"""What the services say to each other and to other systems: events, topology, documents, object keys."""
