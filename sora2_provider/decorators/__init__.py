"""The decorator ``@task.sora2_video``."""
