"""The composition root: settings in, started parts out, closed in reverse order."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import structlog

from bdp.act.action import Tools
from bdp.brief import daily, markdown
from bdp.clock import Clock, SystemClock
from bdp.decide.folder import PolicyFolder
from bdp.decide.pause import Switch
from bdp.decide.register import Register
from bdp.detect.burst.detector import BurstDetector
from bdp.detect.dedup import Judgement, judge
from bdp.detect.watch import Watch
from bdp.errors import NotPossible, Retry, StoreUnavailable
from bdp.explain.analyst import Analyst
from bdp.flow.advice import Advising, Questions, advising_by
from bdp.flow.approval import Answers, Decided
from bdp.flow.asking import Asking
from bdp.flow.backtest import Backtester
from bdp.flow.condition import Health
from bdp.flow.cost_watch import CostWatch
from bdp.flow.costs import Costs
from bdp.flow.costs_ahead import CostsAhead
from bdp.flow.days import start_of
from bdp.flow.explaining import Explaining
from bdp.flow.letters import Letters
from bdp.flow.links import Links
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.symptom import SymptomCheck
from bdp.flow.pipeline import Pipeline
from bdp.flow.replay import Replay
from bdp.flow.review import Reviewer
from bdp.flow.shadow import shadowed
from bdp.flow.shared import Moving, SharedPipeline
from bdp.flow.spending import SpendingWatch
from bdp.flow.tell.acknowledging import Acknowledging
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.escalation import Escalation, waits_in
from bdp.flow.tell.outbox import Outbox, is_old, opening
from bdp.flow.work import Worker
from bdp.home import Home
from bdp.ids import Ids
from bdp.intake.desk import Desk
from bdp.intake.feeds import Feeds, open_feeds
from bdp.intake.governor import Governor
from bdp.llm.gateway import Gateway, NoModel, open_gateway
from bdp.model.action import Message
from bdp.model.anomaly import Anomaly, Sighting
from bdp.model.batch import Batch, Ledger
from bdp.model.decision import ApprovalStatus
from bdp.model.incident import Incident
from bdp.model.noun import Language
from bdp.notify.channels import ChannelParts, open_channels_at
from bdp.notify.route import RoutedChannel
from bdp.notify.slack_buttons import blocks
from bdp.ports import BulkStore, Stream
from bdp.settings import Settings, secret
from bdp.store.alerts import Announcement
from bdp.store.clickhouse import open_store
from bdp.store.state import open_state
from bdp.stream.archive import Archive
from bdp.stream.custody import Custody, Place, open_custody
from bdp.stream.shared.book_lanes import Reader
from bdp.stream.shared.sharing import Shared
from bdp.telemetry import LEDGER

log = structlog.get_logger(__name__)


class _Closes(Protocol):
    def close(self) -> None: ...


P = TypeVar("P", bound=_Closes)


class App:
    """The product of one home: `with App(settings) as app`. Its parts are attributes.

    Entering opens stream, store and state and finishes what a crash cut off; nothing runs by itself until `start`.

    Args:
        store: used instead of the one that the settings name, and closed with the app.
    """

    def __init__(
        self, settings: Settings, clock: Clock | None = None, ids: Ids | None = None, store: BulkStore | None = None
    ) -> None:
        self.settings = settings
        self._given_store = store
        self.clock = clock or SystemClock()
        self.ids = ids or Ids()
        self.home = Home(settings.home)
        self._parts = contextlib.ExitStack()
        self._on_incident: Callable[[Incident], None] = lambda incident: None

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def _open(self) -> None:
        settings, home = self.settings, self.home
        home.prepare()
        self._parts.enter_context(home.held())
        self.store: BulkStore = self._closing(self._given_store or open_store(settings.store, home.path / "store"))
        self.state = self._closing(open_state(settings.state_url, self._is_repeat, self._announce))
        self.outbox = Outbox(self.state.alerts, self.clock)
        self.acknowledging = Acknowledging(self.state.alerts, self.state.incidents)
        self.sampling = Governor(self.state.policies, self.clock, buffer_fill=lambda: self.chain.buffer.fill)
        self.sampling.refresh()
        self.switch = Switch(self.state.policies, self.clock)
        self.register = Register(self.state.policies, self.clock)
        self.policy = PolicyFolder(settings.policy_folder)
        self.custody = self._closing(self._custody())
        self.chain, self.books = self.custody.chain, self.custody.books
        self.desk = Desk(self.chain.deliver, settings.intake, self.clock, self.ids, self.sampling.sampler)
        analyst = Analyst(self.store, settings.explain, self.clock)
        self.explaining = self._closing(Explaining(analyst, self.state.incidents))
        self.gateway: Gateway | NoModel = self._closing(
            open_gateway(settings.llm, self.state.spending, home.path, self.clock, self.ids)
        )
        self.costs = Costs(self.store, settings.costs, self.clock, self.state.provider_views.all)
        self.asking = Asking(
            self.store, self.state.incidents, self.gateway, self.clock, settings.agents, settings.explain,
            CostsAhead(self.costs),
        )  # fmt: skip
        self.answers = self._answers()
        self.cost_watch = CostWatch(self.costs, self.state.incidents, self._begin, self.explaining.quiet)
        self.links = Links(settings.links, settings.web.public_url, settings.approvers, home.path, self.clock, secret)
        self.pipeline: Moving = self._moving()
        self.feeds = Feeds(())
        self.advising: Advising | None = None
        self.health = self._health()
        self.letters = Letters(self.books, self.chain, self.clock, settings.intake, settings.letters)
        self.replay = Replay(self.store, self.chain, self.clock, self.ids, settings.intake)
        self.reviewer = self._closing(self._reviewer())
        self.backtester = self._closing(self._backtester())
        self.state.incidents.forget_signatures(self.clock.now())
        self._recover()

    def start(self) -> None:
        """Run the pipeline and the workflows in the background until the app is closed.

        Raises:
            BadSetting: the policy cannot be used.
        """
        self._follow_policy()
        # The engine first: it imports much, and an import is not to be met half done by another thread.
        self._start_workflows()
        self.custody.start()
        self.sampling.start()
        self._parts.callback(self.sampling.close)
        self.explaining.start()
        worker = threading.Thread(target=self.pipeline.run, name="pipeline")
        worker.start()
        self._parts.callback(worker.join)
        self._parts.callback(self.pipeline.stop)
        self._in_background(self.letters.run, "letters")
        if self.settings.costs.enabled:
            self._in_background(self.cost_watch.run, "costs")
        self._alert()
        self._advise()
        self._fetch()

    def _fetch(self) -> None:
        """Fetch from the topics and streams that the settings name, in the background."""
        settings = self.settings
        self.feeds = open_feeds(
            settings.feeds,
            settings.intake,
            self.home.path,
            lambda batch: self.chain.deliver([batch]),
            self.clock,
            self.ids,
            secret,
            self.sampling.sampler,
            self.state.provider_views.keep,
        )
        self.feeds.start()
        self._parts.callback(self.feeds.close)

    def _custody(self) -> Custody:
        stream, process = self.settings.stream, self.ids.new(self.clock.now())
        self.archive = self._closing(Archive(stream.archive, process, self.clock))
        return open_custody(stream, Place(self.home.path, self.settings.state_url, process, secret), self.clock)

    def _moving(self) -> Moving:
        work, stream = self.settings.work, self.custody.stream
        if isinstance(stream, Shared):
            worker = Worker(stream.join, stream.lane, self._pipeline, self.clock, work, tend=stream.tend)
            return SharedPipeline(worker if work.in_serve else None, stream.probe)
        return self._pipeline(stream)

    def _health(self) -> Health:
        stream = self.custody.stream
        probe = stream.probe if isinstance(stream, Shared) else lambda: None
        return Health(self.chain, self.pipeline, self.store, self._feed_states, probe, self.clock)

    def _feed_states(self) -> dict[str, str]:
        return self.feeds.states()

    def _pipeline(self, stream: Stream) -> Pipeline:
        settings = self.settings
        questions = Questions(self.state.inquiries, self.clock, settings.insights)
        return Pipeline(
            stream,
            self.store,
            shadowed(settings.detection, settings.shadow_detection, self.clock, inquiring=self._inquiring),
            self.state.incidents,
            self.clock,
            settings.pipeline,
            on_incident=self._begin,
            on_quiet=self.explaining.quiet,
            archive=self.archive.add,
            insights=self.state.insights,
            inquire=questions.keep,
        )

    @property
    def _inquiring(self) -> bool:
        return self.settings.llm.enabled and bool(self.settings.llm.chain)

    def watch(self, settings: Settings) -> Watch:
        """Return fresh detectors that work by these settings."""
        return Watch(settings.detect, settings.series, settings.fabric)

    def _backtester(self) -> Backtester:
        return Backtester(
            self.store,
            self.state.incidents,
            self.state.insights,
            lambda: self.watch(self.settings),
            self.clock,
            self.settings.store.query_rows,
        )

    def _reviewer(self) -> Reviewer:
        return Reviewer(
            self.store,
            self.state.incidents,
            lambda: BurstDetector(self.settings.detect),
            self.clock,
            on_incident=self._begin,
            on_quiet=self.explaining.quiet,
            page=min(10_000, self.settings.store.query_rows),
        )

    def _follow_policy(self) -> None:
        """Begin with a policy that can be used, and keep each version that holds from now on."""
        self.policy = PolicyFolder(self.settings.policy_folder, self.register.note)
        self.policy.check()
        self._in_background(lambda stop: self.policy.follow(stop, self.register.note), "policy")

    def _in_background(self, run: Callable[[threading.Event], None], name: str) -> None:
        """Run something until the app is closed."""
        stop = threading.Event()
        worker = threading.Thread(target=run, args=(stop,), name=name)
        worker.start()
        self._parts.callback(worker.join)
        self._parts.callback(stop.set)

    def _alert(self) -> None:
        """Tell people of incidents, questions and critical insights, in the background."""
        state, settings = self.state, self.settings
        money = SpendingWatch(state.spending, state.alerts, self.settings.llm.budget, state.inquiries)
        alerting = Alerting(
            state.insights,
            state.alerts,
            self.channels,
            self.clock,
            settings.alerting,
            others=(money.step,),
            escalation=Escalation(
                settings.notify.escalation, waits_in(state.approvals), settings.alerting.flood_incidents
            ),
            waiting=lambda: len(state.approvals.list(ApprovalStatus.WAITING)),
        )
        alerting.start()
        self._parts.callback(alerting.close)

    def _advise(self) -> None:
        """Ask models about what the fabric's detector found, in the background."""
        state, settings = self.state, self.settings
        self.advising = advising_by(
            self.gateway, state.inquiries, state.insights, self.clock, settings.insights, settings.fabric
        )
        if self.advising is not None:
            self.advising.start()
            self._parts.callback(self.advising.close)

    def _recover(self) -> None:
        """Finish what a crash cut off; if something is away now, the pipeline does it as soon as it is there."""
        try:
            self.pipeline.recover()
        except Retry as error:
            log.warning("pipeline.not_recovered", reason=str(error))

    def _start_workflows(self) -> None:
        settings = self.settings
        # The engine takes a second to import; what only reads does without.
        from bdp.flow.mend.crew import Crew

        symptom = SymptomCheck(self.store, self.clock, settings.symptom)
        tools = Tools(
            settings=settings.act,
            channels=self.channels,
            store=self.store,
            effects=self.state.effects,
            clock=self.clock,
            secrets=secret,
        )
        parts = Parts(
            settings=settings.workflows,
            gate=settings.gate,
            policy=self.policy.now,
            pause=self.switch.now,
            incidents=self.state.incidents,
            approvals=self.state.approvals,
            executions=self.state.executions,
            permits=self.state.permits,
            audit=self.state.audit,
            tools=tools,
            explain=self.explaining.explained,
            symptom_gone=symptom.gone,
            heard=symptom.heard,
            post=self.outbox.post,
            invitations=self.links.invitations,
        )
        crew = self._closing(Crew(parts, settings.engine, self.state.workers))
        crew.open()
        self.answers = self._answers(crew.decided)
        self._on_incident = crew.take_up

    def _answers(self, decided: Decided | None = None) -> Answers:
        """Return what takes answers; who answers has taken the incident on."""
        approvers, taken_on = self.settings.approvers, self.acknowledging.acknowledge
        return Answers(self.state.approvals, self.clock, decided, approvers, taken_on, self.switch.now)

    def load(self, batches: Iterable[Batch], progress: Callable[[int], None] = lambda records: None) -> None:
        """Take batches in and move each through all stages before the next, so that memory stays bounded.

        Raises:
            NotPossible: other processes may have the records; give them to `desk` instead.
        """
        if isinstance(self.custody.stream, Shared):
            raise NotPossible(
                f"The records of {self.home.path} go through a stream that others share.",
                "Use another home, or bdp ingest.",
            )
        records = 0
        for batch in batches:
            self.chain.append([batch])
            records += self.pipeline.step() + len(batch.refused)
            progress(records)
        while self.custody.recovery.step():
            self.pipeline.drain()
        self.pipeline.drain()

    def ledger(self) -> tuple[Ledger, dict[str, Ledger]]:
        """Return the ledger over all sources, and by source."""
        sources = self.chain.ledger()
        total = Ledger(
            accepted=sum(entry.accepted for entry in sources.values()),
            stored=sum(entry.stored for entry in sources.values()),
            dead_lettered=sum(entry.dead_lettered for entry in sources.values()),
            dropped=sum(entry.dropped for entry in sources.values()),
        )
        return total, sources

    def lanes(self) -> list[Reader]:
        """Return who has which lane of the stream; empty if this process has all of it."""
        stream = self.custody.stream
        return stream.books.readers(stream.prefix) if isinstance(stream, Shared) else []

    def measure(self) -> None:
        """Bring the gauges of the ledger and of the feeds up to date."""
        self.feeds.measure()
        if self.advising is not None:
            with contextlib.suppress(StoreUnavailable):  # the gauge keeps its last figure, the others are told
                self.advising.measure()
        for source, entry in self.chain.ledger().items():
            for state, count in entry.as_dict().items():
                LEDGER.labels(source=source, state=state).set(count)

    def briefing(self, day: str, language: Language = "en") -> str:
        """Return one day's briefing as markdown.

        Args:
            day: `YYYY-MM-DD`; empty for the latest day with events.
        """
        start = start_of(day, self.store, self.clock.now())
        state = self.state
        briefing = daily.collect(
            self.store,
            state.incidents,
            state.executions,
            state.approvals,
            self.chain.ledger(),
            start,
            start + timedelta(days=1),
        )
        return markdown.render(briefing, language)

    @cached_property
    def channels(self) -> tuple[RoutedChannel, ...]:
        """The ways to people, opened at first use."""
        parts = ChannelParts(self.home.path, secret, self.state.alerts, self.clock, self._slack_question)
        channels = open_channels_at(self.settings.notify, parts)
        for channel in channels:
            self._parts.callback(channel.close)
        return channels

    def _slack_question(self, message: Message, language: Language) -> list[dict[str, Any]]:
        answerable = message.approval_id and self.settings.slack.signing_secret
        return blocks(self.state.approvals.get(message.approval_id), language) if answerable else []

    def _begin(self, incident: Incident) -> None:
        self.state.alerts.ring()
        self._on_incident(incident)

    def _announce(self, incident: Incident) -> Announcement | None:
        message = opening(incident)
        return Announcement(message, is_old(incident, self.settings.alerting)) if message else None

    def _is_repeat(self, sighting: Sighting | None, anomaly: Anomaly) -> bool:
        return judge(sighting, anomaly, self.settings.dedup) is Judgement.REPEAT

    def _closing(self, part: P) -> P:
        self._parts.callback(part.close)
        return part
