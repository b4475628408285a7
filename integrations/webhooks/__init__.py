"""Notifications to a URL of the receiver's, signed."""
