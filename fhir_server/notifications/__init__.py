"""Subscriptions in this server: which events they are told, whether they may know, and how they are told."""
