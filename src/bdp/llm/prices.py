"""What a request to a model costs, in nano-dollars, rounded up.

From the settings, else from the table that comes with genai-prices (no network). What runs on machines of your own, at
an address that is not of the public internet, costs nothing here. A model elsewhere of which the table knows no price
for tokens has none: nobody could keep a budget with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bdp.clock import Clock, SystemClock
from bdp.errors import MissingExtra
from bdp.llm.settings import Candidate, OpenAiSettings
from bdp.model.spending import NANO

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_MILLION: Final = 1_000_000
_DEAREST: Final = Decimal(_MILLION)
"""US dollars for a million tokens; more is taken for this."""
_LONGEST: Final = timedelta(minutes=15)
"""Time in which a request is over: a price that changes within it may be billed."""
_OWN: Final = {"gemini": "google", "bedrock": "aws"}
_PRIVATE: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".corp", ".intranet", ".svc", ".test")
"""Ends of names that the public internet does not have (RFC 6761, RFC 6762, RFC 8375; `.internal` by ICANN), or that
are never given out; `.svc` and `.svc.cluster.local` are Kubernetes'."""


@dataclass(frozen=True)
class Rates:
    """Nano-dollars for a million tokens of each kind, for prompts of more than `over` tokens.

    Attributes:
        cached: of the prompt, read from the provider's cache.
        written: of the prompt, written to it.
    """

    over: int
    plain: int
    cached: int
    written: int
    output: int


@dataclass(frozen=True)
class Tariff:
    """What holds at one time.

    Attributes:
        steps: ascending; the last one whose `over` a prompt exceeds holds for all of its tokens. The first is -1.
        request: nano-dollars for each request.
    """

    steps: tuple[Rates, ...]
    request: int = 0

    def most(self, tokens_in: int, tokens_out: int) -> int:
        """Return the most that so many tokens, or fewer, can cost."""
        steps = [step for step in self.steps if step.over < tokens_in]
        prompt = max(max(step.plain, step.cached, step.written) for step in steps)
        answer = max(step.output for step in steps)
        return self._sum(tokens_in * prompt + tokens_out * answer)

    def exact(self, tokens_in: int, tokens_out: int, tokens_cached: int, tokens_written: int) -> int:
        """Return what so many tokens cost."""
        step = [step for step in self.steps if step.over < tokens_in][-1]
        cached = min(tokens_cached, tokens_in)
        written = min(tokens_written, tokens_in - cached)
        prompt = (tokens_in - cached - written) * step.plain + cached * step.cached + written * step.written
        return self._sum(prompt + tokens_out * step.output)

    def _sum(self, millionths: int) -> int:
        return -(-millionths // _MILLION) + self.request


class Price:
    """What requests to one model cost.

    Args:
        tariff: returns what holds at a time.
    """

    def __init__(self, tariff: Callable[[datetime], Tariff], clock: Clock) -> None:
        self._tariff = tariff
        self._clock = clock

    def most(self, tokens_in: int, tokens_out: int) -> int:
        """Return the most that a request with at most so many tokens costs, however much of it is cached."""
        now = self._clock.now()
        return max(self._tariff(at).most(tokens_in, tokens_out) for at in (now, now + _LONGEST))

    def exact(self, tokens_in: int, tokens_out: int, tokens_cached: int, tokens_written: int = 0) -> int:
        """Return what a request cost.

        Args:
            tokens_in: of the prompt, cached and written ones included.
            tokens_cached: of the prompt, read from the provider's cache.
            tokens_written: of the prompt, written to the cache.
        """
        return self._tariff(self._clock.now()).exact(tokens_in, tokens_out, tokens_cached, tokens_written)

    @property
    def is_free(self) -> bool:
        """Whether nothing is ever paid."""
        return self.most(_MILLION, _MILLION) == 0


def price_of(kind: str, settings: Candidate, clock: Clock | None = None) -> Price | None:
    """Return what a model costs; None if nobody knows.

    Args:
        kind: of the model in the chain, one of `bdp.llm.settings.KINDS`.

    Raises:
        MissingExtra: the price table is not installed, and is needed.
    """
    clock = clock or SystemClock()
    if settings.price is not None:
        return _fixed(settings.price.input_usd, settings.price.output_usd, clock)
    address = settings.base_url if isinstance(settings, OpenAiSettings) else ""
    provider = _OWN.get(kind) or _seller(address)
    if provider is None:
        return _fixed(0, 0, clock) if is_own(address) else None
    model = _listed(provider, settings.model)
    return None if model is None else _of_table(model, clock)


def _fixed(input_usd: float, output_usd: float, clock: Clock) -> Price:
    prompt, answer = _nano(Decimal(str(input_usd))), _nano(Decimal(str(output_usd)))
    tariff = Tariff((Rates(-1, prompt, prompt, prompt, answer),))
    return Price(lambda _: tariff, clock)


def _seller(base_url: str) -> str | None:
    """Return the table's name for who sells models at this address, or at a part of its name; None for nobody."""
    parts = urlsplit(base_url.strip())
    # The table's patterns are of the usual spelling; another one, or that of a region, must not hide the seller.
    host = (parts.hostname or "").rstrip(".")
    while "." in host:
        try:
            provider: Provider = _table().find_provider(None, None, f"https://{host}{parts.path}")
        except LookupError:
            host = host.partition(".")[2]
        else:
            return provider.id
    return None


def is_own(address: str) -> bool:
    """Return whether an address cannot be of the public internet; so may be the empty one, of this machine."""
    host = (urlsplit(address.strip()).hostname or "").rstrip(".").lower()
    try:
        ip = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return not (mapped or ip).is_global


def _listed(provider: str, model: str) -> ModelInfo | None:
    """Return a model's line; None if it has none, or none for tokens."""
    try:
        _, found = _table().find_provider_model(model.strip().removeprefix("models/"), None, provider, None)
    except LookupError:
        return None
    lines = [found.prices] if not isinstance(found.prices, list) else [line.prices for line in found.prices]
    sold_by_tokens = all(line.input_mtok is not None and line.output_mtok is not None for line in lines)
    return found if lines and sold_by_tokens else None


def _table() -> Any:
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError as error:
        what = "The table of model prices is not installed."
        raise MissingExtra(what, "Install it: pip install 'bdp-agent[llm]'.") from error
    return get_snapshot()


def _of_table(model: ModelInfo, clock: Clock) -> Price:
    known: dict[int, Tariff] = {}

    def tariff(at: datetime) -> Tariff:
        price = model.get_prices(at)
        if id(price) not in known:  # the table lives as long as the process
            known[id(price)] = _tariff(price)
        return known[id(price)]

    return Price(tariff, clock)


def _tariff(price: ModelPrice) -> Tariff:
    listed = vars(price)
    starts = {-1, *(tier.start for value in listed.values() for tier in getattr(value, "tiers", ()))}
    return Tariff(
        tuple(_rates(listed, start) for start in sorted(starts)),
        request=-(-_nano(listed.get("requests_kcount") or Decimal(0)) // 1000),
    )


def _rates(listed: dict[str, Any], over: int) -> Rates:
    plain = _at(listed.get("input_mtok"), over) or 0
    cached, written, answer, thought = (
        _at(listed.get(f"{name}_mtok"), over) for name in ("cache_read", "cache_write", "output", "output_reasoning")
    )
    return Rates(
        over,
        plain,
        cached=plain if cached is None else cached,
        written=max(plain, written or 0),
        output=max(answer or 0, thought or 0),
    )


def _at(price: Any, over: int) -> int | None:
    """Return nano-dollars for a million tokens with a prompt of just more than `over`."""
    if price is None:
        return None
    if isinstance(price, Decimal):
        return _nano(price)
    reached = [tier.price for tier in price.tiers if tier.start <= over]
    return _nano(reached[-1] if reached else price.base)


def _nano(usd: Decimal) -> int:
    """Return dollars for a million tokens as whole nano-dollars for a million tokens, rounded up."""
    return int((min(usd, _DEAREST) * NANO).to_integral_value(ROUND_CEILING))
