"""What perception decides: what a source says, and how it is cut."""
