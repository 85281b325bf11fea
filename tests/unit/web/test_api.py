"""The API page works without a network: everything that it loads comes from this process."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient


def test_the_api_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 2
    assert not [address for address in loaded if re.match(r"(?:https?:)?//", address)]
    for address in loaded:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert len(answer.content) > 500, address
