"""Wires to the outside, each with a client, its errors and a fake."""
