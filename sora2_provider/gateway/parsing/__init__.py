"""Reads the gateway's answers into values or errors. Pure: no socket, no clock."""
