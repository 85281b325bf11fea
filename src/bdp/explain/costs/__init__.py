"""What a bill itself says of a rise: what was usual, which parts of it grew, what changed shortly before."""
