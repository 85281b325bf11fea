"""Series: what is abnormal in any metric, learnt online in bounded memory, many series at once."""
