"""One HTTP exchange: sessions, deadlines, and which addresses a link may lead to (``ssrf.py``)."""
