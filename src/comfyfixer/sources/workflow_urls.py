"""What workflows themselves say about where a file is: hub addresses are asked from the hub's API."""

from collections.abc import Iterator, Sequence
from typing import Final, assert_never
from urllib.parse import unquote, urlsplit

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.client import Client
from comfyfixer.redact import plain, redact
from comfyfixer.settings import Settings
from comfyfixer.sources import hub_urls
from comfyfixer.sources.civitai_api import CivitaiApi, Found
from comfyfixer.sources.foreign import base_of, is_model_name
from comfyfixer.sources.huggingface_api import MAIN, HuggingFaceApi

_MAX_URLS: Final = 12


class WorkflowUrlSource:
    """The first place to ask: an author who gives an address means that very file."""

    name = "workflow"

    def __init__(self, settings: Settings, client: Client, huggingface: HuggingFaceApi, civitai: CivitaiApi) -> None:
        self._client = client
        self._huggingface = huggingface
        self._civitai = civitai
        self._github = settings.endpoints.github
        self._own = hub_urls.OwnHosts(huggingface=settings.endpoints.huggingface, civitai=settings.endpoints.civitai)

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """The file behind each address; one that leads nowhere any more is told in the end, and no candidate."""
        gone: list[str] = []
        unanswered: SourceError | None = None
        for url in missing.urls[:_MAX_URLS]:
            try:
                yield from self._behind(url, missing)
            except NotThere as error:
                gone.append(f"{plain(url)}: {error.message}")
            except SourceError as error:
                unanswered = unanswered or error
        if unanswered is not None:
            raise unanswered
        if gone:
            raise NotThere("What the workflow names is gone: " + "; ".join(gone))

    def _behind(self, url: str, missing: MissingModel) -> Iterator[Candidate]:
        place = hub_urls.understand(url, self._own)
        said = _said(url, missing)
        match place:
            case None:
                return
            case hub_urls.HuggingFaceFile():
                yield from self._huggingface_file(place, missing, said)
            case hub_urls.HuggingFaceRepository():
                yield from self._in_repository(place.repo_id, missing)
            case hub_urls.CivitaiVersion():
                yield from self._civitai_version(place, missing, said)
            case hub_urls.CivitaiModel():
                named = [found for found in self._civitai.model(place.model_id) if missing.filename in found.names]
                yield from (self._civitai.candidate(found, found_by="repository") for found in named)
            case hub_urls.GitHubFile():
                yield from self._plain(f"{self._github}{place.path}", missing, said)
            case hub_urls.PlainUrl():
                yield from self._plain(place.url, missing, said)
            case _:
                assert_never(place)

    def _huggingface_file(
        self, place: hub_urls.HuggingFaceFile, missing: MissingModel, said: Evidence
    ) -> Iterator[Candidate]:
        """The very file; where it is not there any more, files of the wanted name elsewhere in the repository."""
        repository = self._huggingface.repository(place.repo_id)
        try:
            file = self._huggingface.file(repository, place.revision, place.path)
        except NotThere:
            yield from self._in_repository(place.repo_id, missing)
            raise
        yield self._huggingface.candidate(
            repository, file, revision=place.revision, found_by="workflow-url", evidence=(said,)
        )

    def _in_repository(self, repo_id: str, missing: MissingModel) -> Iterator[Candidate]:
        """Files of exactly the wanted name in a repository that a workflow names."""
        repository = self._huggingface.repository(repo_id)
        fact = Evidence(kind="repository", detail=f"The workflow names its repository {repository.id}")
        for file in repository.named(missing.filename):
            known = self._huggingface.file(repository, MAIN, file.path)
            yield self._huggingface.candidate(repository, known, found_by="repository", evidence=(fact,))

    def _civitai_version(
        self, place: hub_urls.CivitaiVersion, missing: MissingModel, said: Evidence
    ) -> Iterator[Candidate]:
        """The file that the address means, then the version's others of exactly the wanted name."""
        files = self._civitai.version(place.version_id)
        meant = _meant(files, place, missing.filename)
        if meant is None:
            raise NotThere(f"Civitai's version {place.version_id} has no such file")
        yield self._civitai.candidate(meant, found_by="workflow-url", evidence=(said,))
        for found in files:
            if found is not meant and missing.filename in found.names:
                yield self._civitai.candidate(found, found_by="repository")

    def _plain(self, url: str, missing: MissingModel, said: Evidence) -> Iterator[Candidate]:
        """A file of no hub: nothing is known of it but its address."""
        if "=***" in url or redact(url) != url:
            raise NotThere("it holds a key or signature, so it was made for one person or one hour")
        reason = self._client.allowed(url)
        refused = (Evidence(kind="not-allowed-host", detail=f"It is not fetched: {reason}"),) if reason else ()
        name = base_of(unquote(urlsplit(url).path))
        yield Candidate(
            source="url",
            filename=name if is_model_name(name) else missing.filename,
            download_url=url,
            access="unknown",
            found_by="workflow-url",
            evidence=(said, *refused),
        )


def _said(url: str, missing: MissingModel) -> Evidence:
    """Where the address stands: a node's own weighs more than a link in a note."""
    if missing.url_origins.get(url) == "note":
        return Evidence(kind="note-url", detail=f"A link in a note of the workflow leads to it: {plain(url)}")
    return Evidence(kind="workflow-url", detail=f"The workflow itself names its address: {plain(url)}")


def _meant(files: Sequence[Found], place: hub_urls.CivitaiVersion, filename: str) -> Found | None:
    """The file by its id, by what the address asks for, by its name where only one has it, else the primary one."""
    if place.file_id is not None:
        return next((found for found in files if found.file.id == place.file_id), None)
    fitting = [found for found in files if _fits(found, place.wants)]
    named = [found for found in fitting if filename in found.names]
    if len(named) == 1:
        return named[0]
    return min(fitting, key=lambda found: (-_told(found, place.wants), not found.file.primary), default=None)


def _fits(found: Found, wants: dict[str, str]) -> bool:
    """Whether a file is as the address asks; what the API does not tell about it does not count against it."""
    about = {"type": found.file.type, **(found.file.metadata or {})}
    return all(about.get(name) in (None, value) for name, value in wants.items())


def _told(found: Found, wants: dict[str, str]) -> int:
    """How much of what the address asks the API says of a file."""
    about = {"type": found.file.type, **(found.file.metadata or {})}
    return sum(about.get(name) == value for name, value in wants.items())
