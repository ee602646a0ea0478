"""What messages are handed to: the Cloud API over HTTP, and a simulator that speaks the same wire format."""
