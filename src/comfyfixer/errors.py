"""Every way ComfyFixerSmart can fail, each with a code for agents, a sentence for people, a hint for both.

ComfyFixerError
+-- UsageError                 exit code 2: what was asked for can't be done as asked
+-- WorkflowError              one workflow file could not be read; the scan goes on
+-- InventoryError             one part of the installation could not be read; the rest goes on
+-- SourceError                a hub gave no usable answer: unknown, which is not "no"
|   +-- NotThere               the hub answered, and has no such thing: a plain "no"
+-- DownloadError              one file could not be fetched, proven or placed; the rest goes on
+-- Interrupted                exit code 130

Rooms raise, only the command line (or a step, for one item among many) catches. Codes are stable, a code never
changes its meaning. `CODES` is the one list of them; a test compares it with the documentation and with the source.
"""

from typing import Final

EXIT_DONE: Final = 0
EXIT_BUG: Final = 1
EXIT_USAGE: Final = 2
EXIT_OUTSTANDING: Final = 3
EXIT_REMOTE: Final = 4
EXIT_INTERRUPTED: Final = 130

CODES: Final[dict[str, str]] = {
    # usage and configuration
    "usage": "The command line is wrong.",
    "config-unreadable": "The configuration file can't be read or is no JSON object.",
    "config-invalid": "A setting has a value that can't be used.",
    "config-unknown": "The configuration file names something that is no setting.",
    "option-unused": "What was said had no effect, as nothing in this run fits it.",
    "installation-not-found": "No ComfyUI installation was found.",
    "installation-invalid": "The folder that was named is no ComfyUI installation.",
    "root-not-searched": "The folder that new files are to go to is none that ComfyUI searches for them.",
    "path-not-found": "A path that was named does not exist.",
    "workdir-unwritable": "The working folder can't be written.",
    "workdir-foreign": "The working folder holds files of our names that are not ours.",
    "run-active": "Another run works in this folder.",
    "state-missing": "An earlier step has not been run in this folder.",
    "state-unreadable": "A file that an earlier step wrote can't be read.",
    "nothing-to-resume": "No run was interrupted in this folder, and no hub or disk left the last one unfinished.",
    # workflows
    "workflow-unreadable": "A workflow file could not be opened or read.",
    "workflow-empty": "A workflow file has no content.",
    "workflow-encoding": "A workflow file is no UTF-8 text.",
    "workflow-invalid-json": "A workflow file is no valid JSON, or ends too early.",
    "workflow-too-deep": "A workflow file is nested too deeply to be one.",
    "workflow-too-large": "A workflow file is larger than any real workflow.",
    "workflow-invalid": "A file looks like a workflow and breaks the format's rules.",
    "relink-refused": "A reference can't be mended in this way.",
    "relink-ambiguous": "Several files that are here may be meant.",
    "relink-failed": "The disk refused what would mend a reference.",
    "choice-unknown": "Nothing that can be chosen has this name.",
    "choice-ambiguous": "Several files have the name that was said.",
    "choice-refused": "This candidate can't be chosen.",
    # the installation
    "folder-missing": "A configured folder does not exist.",
    "folder-unreadable": "A folder could not be listed.",
    "file-unreadable": "A model file could not be read.",
    "file-changed": "A file is not the one that was recorded.",
    "file-gone": "A file that was recorded is not there any more.",
    "yaml-invalid": "An `extra_model_paths.yaml` can't be used.",
    "pack-unreadable": "The source of a custom-node pack can't be read.",
    "model-broken": "A model file that a workflow needs is there and broken.",
    "model-wrong-kind": "A model file that a workflow needs is there and of another kind than its folder is for.",
    # hubs
    "hub-unreachable": "A hub could not be reached.",
    "hub-timeout": "A hub did not answer in time.",
    "hub-tls": "The connection to a hub is not trustworthy.",
    "hub-error": "A hub answered with a server error.",
    "hub-bad-answer": "A hub answered with something that is not its format.",
    "hub-rate-limited": "A hub asks for fewer requests than this run still needs.",
    "hub-refused": "A hub refused the request.",
    "hub-key-refused": "A hub refused the key.",
    "hub-region-blocked": "A hub does not serve this region.",
    "hub-not-found": "A hub has no such thing.",
    "hub-budget": "A hub was not asked, as the run had sent all requests that it may send, or its time was over.",
    "hub-not-asked": "A hub was not asked, as the run is offline.",
    "source-broken": "A source that another package brought does not work.",
    # downloads
    "download-interrupted": "The connection ended before the file was complete.",
    "download-stalled": "No bytes came for too long.",
    "login-required": "The file can be had only with a key.",
    "gated": "The file's licence has to be accepted on its page first.",
    "early-access": "The file is in early access.",
    "download-disabled": "The author allows no download of this file.",
    "file-archived": "The file was archived by its hub.",
    "file-not-found": "The file is not there any more.",
    "not-a-model-file": "What came is no model file.",
    "size-mismatch": "The file has another size than was promised.",
    "wrong-kind": "The file is of another kind than its models folder is for.",
    "hash-mismatch": "The file is not the one that was promised.",
    "hash-unknown": "Nothing is known, or can be computed here, that would prove the file.",
    "disk-full": "There is not enough free disk space.",
    "target-exists": "A different file of that name is in the place already.",
    "target-unwritable": "The models folder can't be written.",
    "downloader-missing": "The program that is to fetch is not installed.",
    "downloader-failed": "The program that fetches ended without the file.",
    "store-unusable": "The shared store can't be read or written.",
    "lock-invalid": "A lock file can't be used.",
    "unsafe-name": "A name from outside is no safe file name.",
    "unsafe-file": "The file could run code when it is loaded.",
    "host-not-allowed": "The host is not on the list of allowed hosts.",
    "address-not-allowed": "The host's address is private.",
    "too-many-redirects": "The server redirects without end.",
    # runs
    "interrupted": "The run was stopped.",
    "run-interrupted": "The last run ended before it was done.",
    "unexpected": "A bug in ComfyFixerSmart.",
}

WARNINGS: Final = frozenset({"config-unknown", "option-unused"})
"""Codes of what is told, and leaves nothing outstanding."""


REMOTE: Final = frozenset(
    {
        "hub-unreachable",
        "hub-timeout",
        "hub-tls",
        "hub-error",
        "hub-rate-limited",
        "hub-key-refused",
        "hub-region-blocked",
        "download-interrupted",
        "download-stalled",
    }
)
"""Codes of what a remote service, or the way to it, stands in the way of: exit code 4 where it is all that does."""


class ComfyFixerError(Exception):
    """Base of all errors that are told to a user.

    Attributes:
        code: Stable identifier, one of `CODES`.
        message: One sentence without a secret in it.
        hint: What to do next, or None where nothing can be advised.
        exit_code: What the process ends with when this error ends it.
    """

    code: str = "unexpected"
    exit_code: int = EXIT_BUG

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint


class UsageError(ComfyFixerError):
    """What was asked for can't be done as asked."""

    code = "usage"
    exit_code = EXIT_USAGE


class WorkflowError(ComfyFixerError):
    """One workflow file could not be read."""

    code = "workflow-unreadable"
    exit_code = EXIT_OUTSTANDING


class InventoryError(ComfyFixerError):
    """One part of the installation could not be read."""

    code = "folder-unreadable"
    exit_code = EXIT_OUTSTANDING


class SourceError(ComfyFixerError):
    """A hub gave no usable answer. Unknown is not "no": the question stays open.

    Attributes:
        status: HTTP status of the answer, None where none came.
    """

    code = "hub-unreachable"
    exit_code = EXIT_REMOTE

    def __init__(
        self, message: str, *, code: str | None = None, hint: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = status


class NotThere(SourceError):
    """The hub answered: it has no such thing."""

    code = "hub-not-found"


class DownloadError(ComfyFixerError):
    """One file could not be fetched, proven or placed.

    Attributes:
        retryable: The same request may succeed later (a cut connection), or never will (a wrong hash).
    """

    code = "download-interrupted"
    exit_code = EXIT_OUTSTANDING

    def __init__(
        self, message: str, *, code: str | None = None, hint: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retryable = retryable


class UnsafeName(DownloadError):
    """A name from outside would leave its folder or be no file name on some system."""

    code = "unsafe-name"


class Interrupted(ComfyFixerError):
    """The user stopped the run; `comfyfixer resume` goes on."""

    code = "interrupted"
    exit_code = EXIT_INTERRUPTED
