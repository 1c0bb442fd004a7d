"""What memory decides."""
