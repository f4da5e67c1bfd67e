"""Files are opened here: only from allowed hosts, each host's limits obeyed, every redirect looked at anew."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from comfyfixer.errors import DownloadError, SourceError
from comfyfixer.net.credentials import Credentials
from comfyfixer.net.failures import Refused, as_download_error
from comfyfixer.net.gates import Gates
from comfyfixer.net.hops import USER_AGENT, Hops, Reply, Request
from comfyfixer.net.hosts import HostRules
from comfyfixer.net.questions import not_asked
from comfyfixer.net.transfer import Transfer
from comfyfixer.net.url import Url
from comfyfixer.net.waiting import retry_after
from comfyfixer.redact import Secrets, plain

if TYPE_CHECKING:
    from comfyfixer.net.transport import Transport

_FIRST_BYTE = {"Range": "bytes=0-0"}


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file really lies. For the standard input of a program, never for a message or an argument.

    Attributes:
        url: With its signature.
        headers: The key, where that host is one that gets it; mostly empty.
        answer: Says whether the file can be had; to be closed.
    """

    url: str
    headers: dict[str, str]
    answer: Transfer

    def __repr__(self) -> str:
        return "Located(***)"


class Files:
    """Opens files. Thread-safe. Every method raises `DownloadError` as `Client.open` says.

    Args:
        wall: Seconds since 1970, for what servers say in dates.
        offline: No file is asked for.
    """

    def __init__(
        self,
        hops: Hops,
        rules: HostRules,
        credentials: Credentials,
        gates: Gates,
        transport: "Transport",
        secrets: Secrets,
        *,
        wall: Callable[[], float],
        offline: bool,
    ) -> None:
        self._hops = hops
        self._rules = rules
        self._credentials = credentials
        self._gates = gates
        self._transport = transport
        self._secrets = secrets
        self._wall = wall
        self._offline = offline

    def opened(self, url: str, headers: Mapping[str, str], *, origin_trusted: bool) -> Transfer:
        """The answer, behind all redirects."""
        return self._replied(url, headers, origin_trusted)[1]

    def asked_for(self, url: str) -> Transfer:
        """The answer for its first byte, or a redirect to another host, which is not followed."""
        return self._replied(url, _FIRST_BYTE, origin_trusted=True, stay=True)[1]

    def located(self, url: str, *, origin_trusted: bool) -> Located:
        """Where the last redirect leads to."""
        reply, transfer = self._replied(url, _FIRST_BYTE, origin_trusted)
        headers = self._credentials.headers(reply.url) if reply.key_variable else {}
        return Located(url=str(reply.url), headers=headers, answer=transfer)

    def _replied(
        self, url: str, headers: Mapping[str, str], origin_trusted: bool, *, stay: bool = False
    ) -> tuple[Reply, Transfer]:
        first = self._allowed(url, origin_trusted)
        if self._offline:
            raise as_download_error(not_asked())
        kept = {name: value for name, value in headers.items() if name.lower() not in ("authorization", "cookie")}
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **kept}
        try:
            reply = self._hops.send(Request(method="GET", url=first, headers=sent), self._before_hop, stay=stay)
        except (SourceError, Refused) as error:
            raise as_download_error(error) from error
        transfer = Transfer(
            reply.response, str(reply.url), self._secrets, self._transport.patience,
            body=self._transport.body(reply.response), key_variable=reply.key_variable,
        )  # fmt: skip
        self._obey(reply.url, transfer)
        return reply, transfer

    def _allowed(self, url: str, origin_trusted: bool) -> Url:
        first = Url.parse(url)
        reason = self._rules.reason_against(first) if first is None or not origin_trusted else None
        if first is not None and self._rules.is_running_comfyui(first):
            reason = "it is the running ComfyUI, which is asked for no file"
        if first is None or reason:
            hint = "Add the host to `download.allowed_hosts` in config.json if you trust it"
            raise DownloadError(f"{plain(url)} is not fetched: {reason}", code="host-not-allowed", hint=hint)
        return first

    def _before_hop(self, url: Url) -> None:
        self._gates.for_files(url).wait_for_turn()

    def _obey(self, url: Url, transfer: Transfer) -> None:
        """Note what the host of a file says about its limits; whoever asks it next waits."""
        gate = self._gates.for_files(url)
        gate.note_answer(transfer.headers)
        seconds = retry_after(transfer.headers, self._wall()) if transfer.status in (429, 503) else None
        if seconds:
            try:
                gate.silence(seconds, f"HTTP {transfer.status}: it asks for silence")
            except SourceError:
                return  # longer than we may wait: the next request to this host says so
