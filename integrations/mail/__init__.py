"""Notifications by e-mail, over a mail server of the operator's."""
