"""Notify: ways to reach people."""

from bdp.notify.channels import NotifySettings, open_channels

__all__ = ["NotifySettings", "open_channels"]
