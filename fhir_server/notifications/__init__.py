"""Subscriptions in this server: which events they are told, whether they may know, and how they are told.

triggers.py    what a Subscription asks for, as watches that changes are judged by
matching.py    the matcher: reads events, gives them numbers (rights.py says to whom), hands them to whoever tells
delivering.py  rest-hook and e-mail: one lane a Subscription; preparing.py asks the database for many lanes at once,
               deciding.py says what is due, telling.py makes the message, recording.py the record of it
sockets.py     websockets of an API process: passes.py is what binds one, watching.py notices that there is news,
               speaking.py says what is due, by the same telling.py and recording.py
inside.py      our own code that subscribes to topics: what follows from an event is done by jobs
"""
