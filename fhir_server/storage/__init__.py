"""The store: versions, search rows, audit and outbox in one commit; reads, history, events."""
