"""Cost Explorer on loopback, over real HTTP, in the shapes that AWS describes: it answers from a table of costs.

moto's server answers only `get_cost_and_usage`, without looking at the question.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]
PAGE_GROUPS = 1000
NAMES = {"111111111111": "prod", "222222222222": "dev"}


@dataclass
class CostExplorerServer:
    """The server, running while it is entered.

    Attributes:
        costs: unblended and amortized cost by day, account and service.
        names: of accounts; each page tells those of its first accounts only, as the first page does at AWS.
        page_groups: most groups in one page.
        asked: operation and question of every call.
        refusals: answered instead, one a call: operation ("" for any), HTTP status, code, message.
        raw: answered instead, whatever is asked.
        no_forecast: code and message of a forecast that is refused; empty text: it is made.
    """

    costs: dict[tuple[date, str, str], tuple[float, float]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=lambda: dict(NAMES))
    anomalies: list[Json] = field(default_factory=list)
    page_groups: int = PAGE_GROUPS
    asked: list[tuple[str, Json]] = field(default_factory=list)
    refusals: list[tuple[str, int, str, str]] = field(default_factory=list)
    raw: bytes | None = None
    no_forecast: tuple[str, str] | None = None
    url: str = ""

    def charge(self, day: date, service: str, cost: float, account: str = "111111111111") -> None:
        """Have a service cost so much on a day, in place of what it did; spread over its use it is a tenth more."""
        self.costs[day, account, service] = (cost, cost * 1.1)

    def questions(self, operation: str) -> list[Json]:
        """Return what an operation was asked."""
        return [asked for name, asked in self.asked if name == operation]

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = owner.answer(self.headers["X-Amz-Target"].rpartition(".")[2], json.loads(body))
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *given: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, operation: str, asked: Json) -> tuple[int, bytes]:
        """Return status and body."""
        self.asked.append((operation, asked))
        if self.raw is not None:
            return 200, self.raw
        meant = next((one for one in self.refusals if one[0] in ("", operation)), None)
        if meant is not None:
            self.refusals.remove(meant)
            return meant[1], json.dumps({"__type": meant[2], "message": meant[3]}).encode()
        found = {"GetCostAndUsage": self._costs, "GetCostForecast": self._forecast, "GetAnomalies": self._anomalies}
        status, answer = found[operation](asked)
        return status, json.dumps(answer).encode()

    def _costs(self, asked: Json) -> tuple[int, Json]:
        start, end = (date.fromisoformat(asked["TimePeriod"][bound]) for bound in ("Start", "End"))
        if start >= end or len(asked["GroupBy"]) > 2:
            return 400, _refused("ValidationException", "Start date (and hour) should be before end date (and hour)")
        keys = [group["Key"] for group in asked["GroupBy"]]
        groups = [
            (day, [{"LINKED_ACCOUNT": account, "SERVICE": service}.get(key, "none") for key in keys], costs)
            for (day, account, service), costs in sorted(self.costs.items())
            if start <= day < end
        ]
        first = int(asked.get("NextPageToken") or 0)
        page = groups[first : first + self.page_groups]
        answer: Json = {
            "GroupDefinitions": asked["GroupBy"],
            "ResultsByTime": [
                {
                    "TimePeriod": {"Start": str(day), "End": str(day + timedelta(days=1))},
                    "Total": {},
                    "Groups": [
                        {"Keys": names, "Metrics": _metrics(costs, asked["Metrics"])}
                        for of, names, costs in page
                        if of == day
                    ],
                    "Estimated": True,
                }
                for day in sorted({of for of, _, _ in page})
            ],
            "DimensionValueAttributes": [
                {"Value": account, "Attributes": {"description": name}} for account, name in self.names.items()
            ]
            if not first
            else [],
        }
        if first + self.page_groups < len(groups):
            answer["NextPageToken"] = str(first + self.page_groups)
        return 200, answer

    def _forecast(self, asked: Json) -> tuple[int, Json]:
        if self.no_forecast:
            return 400, _refused(*self.no_forecast)
        start, end = (date.fromisoformat(asked["TimePeriod"][bound]) for bound in ("Start", "End"))
        days = [start + timedelta(days=number) for number in range((end - start).days)]
        results = [
            {
                "TimePeriod": {"Start": str(day), "End": str(day + timedelta(days=1))},
                "MeanValue": "10.5",
                "PredictionIntervalLowerBound": "8.25",
                "PredictionIntervalUpperBound": "12.75",
            }
            for day in days
        ]
        return 200, {"Total": {"Amount": str(10.5 * len(days)), "Unit": "USD"}, "ForecastResultsByTime": results}

    def _anomalies(self, asked: Json) -> tuple[int, Json]:
        first, most = int(asked.get("NextPageToken") or 0), min(asked["MaxResults"], self.page_groups)
        answer: Json = {"Anomalies": self.anomalies[first : first + most]}
        if first + most < len(self.anomalies):
            answer["NextPageToken"] = str(first + most)
        return 200, answer


def anomaly(number: int, impact: float = 12.5) -> Json:
    """An anomaly as AWS tells it."""
    return {
        "AnomalyId": f"a-{number}",
        "AnomalyStartDate": "2026-02-20T00:00:00Z",
        "AnomalyEndDate": "2026-02-22T00:00:00Z",
        "DimensionValue": "AWS Lambda",
        "RootCauses": [
            {
                "Service": "AWS Lambda",
                "Region": "eu-west-1",
                "LinkedAccount": "111111111111",
                "LinkedAccountName": "prod",
                "UsageType": "EU-Lambda-GB-Second",
                "Impact": {"Contribution": impact},
            }
        ],
        "AnomalyScore": {"MaxScore": 0.9, "CurrentScore": 0.7},
        "Impact": {"MaxImpact": impact, "TotalImpact": impact},
        "MonitorArn": "arn:aws:ce::111111111111:anomalymonitor/1",
    }


def _metrics(costs: tuple[float, float], names: list[str]) -> Json:
    known = dict(zip(("UnblendedCost", "AmortizedCost"), costs, strict=True))
    return {name: {"Amount": f"{known[name]:.10f}", "Unit": "USD"} for name in names}


def _refused(code: str, message: str) -> Json:
    return {"__type": code, "message": message}
