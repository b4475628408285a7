"""Messages of partners in and out: who may send what, what became of it, and what it was answered with."""
