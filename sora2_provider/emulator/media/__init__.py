"""The emulator's video files: drawn, kept, and served under signed links."""
