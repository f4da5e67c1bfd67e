"""What an address leads to, whoever names it: hub addresses are asked from the hub's API."""

from collections.abc import Iterator
from typing import Final, assert_never
from urllib.parse import unquote, urlsplit

import msgspec

from comfyfixer.errors import NotThere
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.client import Client
from comfyfixer.redact import redact
from comfyfixer.settings import Settings
from comfyfixer.sources import hub_urls
from comfyfixer.sources.civitai_api import CivitaiApi
from comfyfixer.sources.civitai_shapes import Found, Listing
from comfyfixer.sources.failures import unreadable
from comfyfixer.sources.foreign import base_of, may_carry
from comfyfixer.sources.github_releases import UNKNOWN, Asset, GitHubReleases
from comfyfixer.sources.huggingface_api import HuggingFaceApi
from comfyfixer.sources.huggingface_shapes import Repository, RepositoryFile

_MAX_NAME: Final = 255


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An address as it is written, and the fact that it is there.

    Attributes:
        who: Names it: `The workflow`, the title of an index.
        found_by: Of the file to which it leads.
        workflow_urls: The address itself where the workflow carries it, else none.
        name_has_to_be_equal: An address of no hub with another file name is passed over.
    """

    url: str
    evidence: Evidence
    who: str = "The workflow"
    found_by: str = "workflow-url"
    workflow_urls: tuple[str, ...] = ()
    name_has_to_be_equal: bool = False


class Addresses:
    """Understands addresses and asks who has the file. Thread-safe."""

    def __init__(self, settings: Settings, client: Client, huggingface: HuggingFaceApi, civitai: CivitaiApi) -> None:
        self._client = client
        self._huggingface = huggingface
        self._civitai = civitai
        self._github = settings.endpoints.github
        self._releases = GitHubReleases(settings, client)
        self._own = hub_urls.OwnHosts(huggingface=settings.endpoints.huggingface, civitai=settings.endpoints.civitai)

    def behind(self, said: Said, missing: MissingModel) -> Iterator[Candidate]:
        """The files to which an address leads, the very one first; of a repository's or a model's those of the name.

        Raises:
            NotThere: It leads nowhere (any more).
            SourceError: No answer came.
        """
        place = hub_urls.understand(said.url, self._own)
        match place:
            case None:
                return
            case hub_urls.HuggingFaceFile():
                yield from self._huggingface_file(place, missing, said)
            case hub_urls.HuggingFaceRepository():
                yield from self._in_repository(place.repo_id, place.revision, missing, said)
            case hub_urls.CivitaiVersion():
                yield from self._civitai_version(place, missing, said)
            case hub_urls.CivitaiModel():
                yield from self._named(self._civitai.model(place.model_id), missing, said)
            case hub_urls.GitHubFile():
                yield from self._plain(f"{self._github}{place.path}", missing, said, self._releases.asset(place.path))
            case hub_urls.PlainUrl():
                yield from self._plain(place.url, missing, said)
            case _:
                assert_never(place)

    def unasked(self, said: Said) -> Candidate | None:
        """The file of Hugging Face that an address means, by the address alone: size, hash and access stay unknown."""
        place = hub_urls.understand(said.url, self._own)
        if not isinstance(place, hub_urls.HuggingFaceFile):
            return None
        candidate = self._huggingface.candidate(
            Repository(id=place.repo_id, gated=False, files={}),
            RepositoryFile(path=place.path),
            revision=place.revision,
            found_by=said.found_by,
            evidence=(said.evidence,),
            workflow_urls=said.workflow_urls,
        )
        return msgspec.structs.replace(candidate, access="unknown")

    def _huggingface_file(
        self, place: hub_urls.HuggingFaceFile, missing: MissingModel, said: Said
    ) -> Iterator[Candidate]:
        """The very file; where it is not there any more, files of the wanted name elsewhere in the same revision."""
        repository = self._huggingface.repository(place.repo_id)
        try:
            file = self._huggingface.file(repository, place.revision, place.path)
        except NotThere:
            yield from self._in_repository(place.repo_id, place.revision, missing, said)
            raise
        yield self._huggingface.candidate(
            repository,
            file,
            revision=place.revision,
            found_by=said.found_by,
            evidence=(said.evidence,),
            workflow_urls=said.workflow_urls,
        )

    def _in_repository(self, repo_id: str, revision: str, missing: MissingModel, said: Said) -> Iterator[Candidate]:
        """Files of exactly the wanted name in a repository that is named."""
        repository = self._huggingface.repository(repo_id, revision)
        fact = Evidence(kind="repository", detail=f"{said.who} names its repository {repository.id}")
        for file in repository.named(missing.filename):
            known = self._huggingface.file(repository, revision, file.path)
            yield self._huggingface.candidate(
                repository, known, revision=revision, found_by="repository", evidence=(fact,)
            )
        if any(may_carry(row, missing.filename) for row in repository.lost):
            raise unreadable(missing.filename, "Hugging Face")

    def _civitai_version(
        self, place: hub_urls.CivitaiVersion, missing: MissingModel, said: Said
    ) -> Iterator[Candidate]:
        """The file that the address means, then the version's others of exactly the wanted name."""
        listing = self._civitai.version(place.version_id)
        meant = _meant(listing, place)
        if meant is not None:
            yield self._civitai.candidate(
                meant, found_by=said.found_by, evidence=(said.evidence,), workflow_urls=said.workflow_urls
            )
        yield from self._named(listing, missing, said, but=meant)
        if meant is None and listing.lost:
            raise unreadable(missing.filename, "Civitai")
        if meant is None:
            raise NotThere(f"Civitai's version {place.version_id} has no such file, or several that may be meant")

    def _named(
        self, listing: Listing, missing: MissingModel, said: Said, but: Found | None = None
    ) -> Iterator[Candidate]:
        """Files of exactly the wanted name on a page that is named."""
        for found in listing.found:
            if found is not but and missing.filename in found.names:
                fact = Evidence(kind="repository", detail=f"{said.who} names its page, model {found.model_id}")
                yield self._civitai.candidate(found, found_by="repository", evidence=(fact,))
        if but is None and any(may_carry(row, missing.filename) for row in listing.lost):
            raise unreadable(missing.filename, "Civitai")

    def _plain(self, url: str, missing: MissingModel, said: Said, asset: Asset = UNKNOWN) -> Iterator[Candidate]:
        """A file of no hub: little is known of it but its address, and so no other name than that has."""
        if "=***" in url or redact(url) != url:
            raise NotThere("it holds a key or signature, so it was made for one person or one hour")
        reason = self._client.allowed(url)
        refused = (Evidence(kind="not-allowed-host", detail=f"It is not fetched: {reason}"),) if reason else ()
        name = base_of(unquote(urlsplit(url).path))
        if not name or not name.isprintable() or len(name) > _MAX_NAME:
            raise NotThere("it is the address of no file")
        if said.name_has_to_be_equal and name != missing.filename:
            return
        yield Candidate(
            source="url",
            filename=name,
            download_url=url,
            size_bytes=asset.size_bytes,
            hashes={"sha256": asset.sha256} if asset.sha256 else {},
            access="unknown",
            found_by=said.found_by,
            workflow_urls=said.workflow_urls,
            evidence=(said.evidence, *refused),
        )


def _meant(listing: Listing, place: hub_urls.CivitaiVersion) -> Found | None:
    """The file by its id, by what a download address asks for, else the primary one; of a page only a single file."""
    files = listing.found
    if place.file_id is not None:
        return next((found for found in files if found.file.id == place.file_id), None)
    if listing.lost:
        return None
    if not place.gives_file:
        return files[0] if len(files) == 1 else None
    fitting = [found for found in files if _fits(found, place.wants)]
    most = max((_told(found, place.wants) for found in fitting), default=0)
    best = [found for found in fitting if _told(found, place.wants) == most]
    primary = [found for found in best if found.file.primary]
    return (primary or best)[0] if len(primary) == 1 or len(best) == 1 else None


def _fits(found: Found, wants: dict[str, str]) -> bool:
    """Whether a file is as the address asks; what the API does not tell about it does not count against it."""
    about = {"type": found.file.type, **(found.file.metadata or {})}
    return all(about.get(name) in (None, value) for name, value in wants.items())


def _told(found: Found, wants: dict[str, str]) -> int:
    """How much of what the address asks the API says of a file."""
    about = {"type": found.file.type, **(found.file.metadata or {})}
    return sum(about.get(name) == value for name, value in wants.items())
