"""Stream: carry records from acknowledgement to the store without losing any."""
