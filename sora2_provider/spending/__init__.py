"""What a connection may spend: caps, the minimum balance, and the guard that every create passes."""
