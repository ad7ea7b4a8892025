"""Adapters of the ports, settings, wiring, and the embedded servers."""
