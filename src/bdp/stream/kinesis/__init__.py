"""The stream on AWS: a Kinesis stream as the primary sink, its shards as lanes, and leases for those who share them."""
