"""What streams have in common whose lanes several processes share: books, lanes, and what was sent."""
