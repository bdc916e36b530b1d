"""What several tests stand on: recordings, schemas, charge points to talk to."""
