"""Where a point was measured: the entity of a port, and the names by which people call it.

A port's entity is made of the labels that identify it, in this order and joined with `/`:

    cluster, fabric                    where given
    switch or HCA, guid, port          exporters that walk the fabric: a GUID is unique, whoever scraped it
    instance and host, device, port    exporters on the host: the same device name is on every host

For example `leaf-1/0x7cfe9003009ce5b0/2`, `node7:9100/mlx5_0/1`. A `/` or `%` inside a label is written as %2F or %25,
so two ports never share an entity. A label, and a stream's id, is cut at 100 characters; what is cut leaves a checksum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

_WHOLE: Final = ("cluster", "fabric")
_GUIDS: Final = ("guid", "port_guid", "node_guid")
_HOSTS: Final = ("instance", "host", "hostname", "nodename", "node")
_DEVICES: Final = ("device", "hca", "interface", "ifname")
_PORTS: Final = ("port", "port_num")
_NODES: Final = ("hca", "switch")
_CALLED: Final = (*_WHOLE, *_HOSTS, *_NODES, *_GUIDS, "rack")
LONGEST: Final = 100
_NAMES: Final = 12


def port_of(entity: str, labels: Mapping[str, str]) -> str:
    """Return the port's entity.

    Args:
        entity: the point's own, which stands in for a host that no label names.
    """
    parts = [labels[name] for name in _WHOLE if labels.get(name)]
    guid = _first(labels, _GUIDS)
    if guid:
        parts += [_first(labels, _NODES), guid]
    else:
        hosts = dict.fromkeys(labels[name] for name in _HOSTS if labels.get(name))
        parts += [*(hosts or {entity: None}), _first(labels, ("switch",)), _first(labels, _DEVICES)]
    parts.append(_first(labels, _PORTS))
    if not guid and not _first(labels, _PORTS):
        parts += [f"{name}={labels[name]}" for name in sorted(labels)]
    return "/".join(_part(part) for part in parts if part)


def called(entity: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names by which a maintenance may mean it: the entity, its host, switch, fabric; in lower case."""
    names = [entity, *(labels[name] for name in _CALLED if labels.get(name))]
    names += [host.rpartition(":")[0] for host in names if host.rpartition(":")[2].isdigit()]
    return tuple(dict.fromkeys(name.strip().lower()[:LONGEST] for name in names if name.strip()))[:_NAMES]


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def cut(text: str) -> str:
    """Return the name, or of one that is too long its begin and a checksum."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}~{sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _part(text: str) -> str:
    return cut(text).replace("%", "%25").replace("/", "%2F")
