"""Personal data and those whom it is about: notice, requests, retention, keys, and the log of who read what."""
