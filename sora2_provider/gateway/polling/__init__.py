"""When a video is asked for again, when a wait is over, and one schedule for many videos."""
