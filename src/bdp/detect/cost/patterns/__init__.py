"""Patterns, as a chain: each may lower the confidence where its kind of rise is expected; none raises it.

day_of_week      such a day of the week always costs more
trend            the costs have been growing steadily
month_cycle      the turn of the month always costs more; and, within 0.7 to 1.3 of the mean of the same days of
                 earlier months, 0.15 less
service_profile  services whose use comes in bursts by their nature, 0.10 less
"""
