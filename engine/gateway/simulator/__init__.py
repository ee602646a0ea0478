"""A gateway that sends nothing: the Cloud API's wire format over loopback HTTP, with faults on request."""
