"""What state LOTUS is in: probes, the status made of them, the HTTP gateway that serves it."""
