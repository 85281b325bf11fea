"""AWS: entry points of Lambda functions, each with a package of its own that holds what it imports and no more."""
