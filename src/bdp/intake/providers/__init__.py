"""Who tells costs when asked: `bdp.ports.CostProvider` on AWS Cost Explorer, and on costs made up by a seed."""
