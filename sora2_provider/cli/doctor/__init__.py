"""The command ``doctor``: probes a connection and its installation for free, and says what to do."""
