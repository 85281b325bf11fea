"""The services of made-up costs: how much of a bill each is, how it grows, and how its week goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Week = tuple[float, float, float, float, float, float, float]
_EVEN: Final[Week] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
_OFFICE: Final[Week] = (1.02, 1.03, 1.03, 1.02, 1.0, 0.62, 0.58)
_SHOP: Final[Week] = (0.97, 0.96, 0.97, 1.0, 1.05, 1.16, 1.12)
_MILD: Final[Week] = (1.0, 1.01, 1.01, 1.0, 1.0, 0.93, 0.92)
_NIGHTLY: Final[Week] = (1.2, 1.0, 1.0, 1.0, 1.0, 0.4, 1.4)

SUPPORT: Final = "AWS Support (Business)"
PLAN: Final = "Savings Plans for AWS Compute usage"
CREDIT: Final = "AWS Promotional Credits"
REGIONS: Final = ("ap-northeast-2", "us-east-1", "eu-west-1", "ap-northeast-1")


@dataclass(frozen=True)
class Service:
    """A service of the bill.

    Attributes:
        share: of a usual bill, before it is made to add up.
        growth: in 30 days, beside that of everything.
        week: Monday to Sunday, 1 for a usual day.
    """

    name: str
    share: float
    growth: float
    week: Week


COMPUTE: Final = "Amazon Elastic Compute Cloud - Compute"
CATALOGUE: Final = (
    Service(COMPUTE, 0.34, 0.01, _MILD),
    Service("Amazon Relational Database Service", 0.17, 0.01, _EVEN),
    Service("EC2 - Other", 0.09, 0.02, _MILD),
    Service("Amazon Simple Storage Service", 0.07, 0.03, _EVEN),
    Service("AWS Data Transfer", 0.06, 0.02, _SHOP),
    Service("Amazon Elastic Container Service for Kubernetes", 0.05, 0.0, _EVEN),
    Service("Amazon CloudFront", 0.04, 0.01, _SHOP),
    Service("AmazonCloudWatch", 0.035, 0.02, _MILD),
    Service("Amazon ElastiCache", 0.03, 0.0, _EVEN),
    Service("AWS Lambda", 0.025, 0.03, _OFFICE),
    Service("Amazon Elastic Load Balancing", 0.02, 0.0, _SHOP),
    Service("Amazon DynamoDB", 0.018, 0.02, _SHOP),
    Service("Amazon Managed Streaming for Apache Kafka", 0.016, 0.0, _EVEN),
    Service("AWS Glue", 0.014, 0.01, _NIGHTLY),
    Service("Amazon Redshift", 0.013, 0.0, _OFFICE),
    Service("Amazon OpenSearch Service", 0.012, 0.01, _EVEN),
    Service("Amazon SageMaker", 0.011, 0.04, _OFFICE),
    Service("Amazon Bedrock", 0.01, 0.08, _OFFICE),
    Service("Amazon Simple Queue Service", 0.006, 0.01, _SHOP),
    Service("AWS Key Management Service", 0.005, 0.0, _EVEN),
    Service("Amazon Route 53", 0.004, 0.0, _EVEN),
    Service("AWS Config", 0.004, 0.0, _MILD),
    Service("AWS Secrets Manager", 0.003, 0.0, _EVEN),
    Service("Amazon Athena", 0.003, 0.02, _OFFICE),
)
