"""Demo: a seeded day of a small company, with planted faults, and real logs to go with it."""

from bdp.demo.day import company_day
from bdp.demo.files import real_logs
from bdp.demo.planted import PLANTED, Planted

__all__ = ["PLANTED", "Planted", "company_day", "real_logs"]
