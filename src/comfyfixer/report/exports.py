"""The accepted plan as text for other programs. Pure; names and addresses in it are hostile.

No key is ever in it. What a shell reads is quoted by the one rule that has no exception (single quotes); what ends a
line elsewhere is refused before. A key goes from the environment into `curl` over its standard input, which drops it
when a redirect leads to another host; `aria2c` hands headers on to whoever a redirect leads to, so it gets none.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from comfyfixer.model.export import ExportedFile, ExportedSource
from comfyfixer.report.words import shown

FORMATS: Final = ("aria2", "sh", "comfy-cli", "hf", "lock")
_AGENT: Final = "ComfyFixerSmart"

_NO_PICKLES: Final = """\
# Pickle files (.ckpt .pt .pt2 .pth .bin .pkl) are not in it, unless they were allowed by name: loading one can run
# code, and only `comfyfixer download` looks for that."""
_SH_HEAD: Final = r"""#!/bin/sh
# Fetches what ComfyFixerSmart has proven. Needs: curl, sha256sum (or shasum). Run it again to go on where it stopped.
# Keys come from the environment: CIVITAI_API_KEY, HF_TOKEN. Ends with 1 when a file could not be had or proven.
@PICKLES@
set -u
failed=0

digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum < "$1"; else shasum -a 256 < "$1"; fi | cut -d ' ' -f 1
}

# told SHA256 BYTES: whether anything is promised, by which a file that was cut is told from a whole one.
told() { [ -n "$1$2" ]; }

# right FILE SHA256 BYTES: whether the file is the promised one; an empty promise is not checked.
right() {
  [ -f "$1" ] || return 1
  [ -z "$3" ] || [ "$(($(wc -c < "$1")))" = "$3" ] || return 1
  [ -z "$2" ] || [ "$(digest "$1")" = "$2" ]
}

# ask URL KEY: curl with the key over its standard input, for the first host alone.
ask() {
  url=$1; key=$2; shift 2
  if [ -n "$key" ]; then
    printf 'header = "Authorization: Bearer %s"\n' "$key" | curl --config - "$@" --url "$url"
  else
    curl "$@" --url "$url"
  fi
}

# fetch FILE SHA256 BYTES URL KEY
fetch() {
  if right "$1" "$2" "$3"; then printf 'in place: %s\n' "$1" >&2; return 0; fi
  if [ -e "$1" ]; then printf 'another file is there, it was not touched: %s\n' "$1" >&2; failed=1; return 1; fi
  mkdir -p "$(dirname "$1")" || { failed=1; return 1; }
  part="${1%/*}/.${1##*/}.comfyfixer-export.part"
  code=1
  if told "$2" "$3"; then starts='- 0'; else starts=0; fi
  for from in $starts; do
    told "$2" "$3" && right "$part" "$2" "$3" && break
    ask "$4" "$5" --fail --location --silent --show-error --retry 5 --continue-at "$from" \
      --user-agent 'ComfyFixerSmart' --output "$part" && code=0 || code=$?
    case $code in 0|33) ;; *) break ;; esac  # 33: the server can't go on from there
  done
  if { [ "$code" = 0 ] || told "$2" "$3"; } && right "$part" "$2" "$3"; then
    mv -n "$part" "$1" && printf 'fetched: %s\n' "$1" >&2 && return 0
  fi
  if [ "$code" = 0 ]; then rm -f "$part"; fi  # whole, and not the promised file
  printf 'not fetched, or not the promised file: %s\n' "$1" >&2
  failed=1
  return 1
}
""".replace("@PICKLES@", _NO_PICKLES)
_CHECK: Final = r"""
# placed FILE SHA256 BYTES
placed() {
  if right "$1" "$2" "$3"; then printf 'right: %s\n' "$1" >&2; else
    printf 'missing, or not the promised file: %s\n' "$1" >&2; failed=1
  fi
}
"""


def shell(text: str) -> str:
    """One word for a POSIX shell, whatever is in it."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def sh(files: Sequence[ExportedFile]) -> str:
    """A shell script with `curl` and `sha256sum`; each source of a file is tried until one gives the right bytes."""
    parts = [_SH_HEAD]
    for file in files:
        parts += _remarks(file.sources)
        calls = [f"fetch {_promise(file)} {shell(source.url)} {_key(source)}" for source in file.sources]
        parts.append(" ||\n  ".join(calls) if len(calls) == 1 else _any_of(calls))
    return "\n".join((*parts, "", "exit $failed", ""))


def aria2(files: Sequence[ExportedFile]) -> str:
    """An input file for `aria2c -i FILE`; what needs a key stands in it as a comment."""
    lines = [
        "# aria2c --input-file=FILE --auto-file-renaming=false",
        "# Each file is checked against its SHA-256. No key is here, and none should be added: aria2c hands headers on",
        "# to whatever host a redirect leads to. `comfyfixer export --format sh` fetches what needs one.",
        *_NO_PICKLES.splitlines(),
    ]
    for file in files:
        open_sources = [source for source in file.sources if not source.needs_key]
        if not file.target.isprintable():
            lines += ["", f"# its folder has a name that can't stand in a line: {shown(file.target)}"]
            continue
        lines += ["", f"# {shown(file.name)}: {file.size_bytes if file.size_bytes is not None else 'unknown'} bytes"]
        if not open_sources:
            lines += [*_remarks(file.sources), f"# {file.sources[0].url}"]
            continue
        folder, _, name = file.target.replace("\\", "/").rpartition("/")
        lines += [open_sources[0].url, f"  dir={folder}", f"  out={name}", "  continue=true", "  allow-overwrite=false"]
        lines += [f"  user-agent={_AGENT}", "  follow-metalink=false", "  follow-torrent=false"]
        if file.sha256:
            lines.append(f"  checksum=sha-256={file.sha256}")
    return "\n".join(lines) + "\n"


def comfy_cli(files: Sequence[ExportedFile]) -> str:
    """A shell script of `comfy model download`, which fetches into its own workspace; then every file is checked."""
    parts = [
        _SH_HEAD.partition("# ask URL")[0].replace("Needs: curl, ", "Needs: comfy-cli, ") + _CHECK,
        "# comfy-cli reads its keys from variables of other names.",
        'export CIVITAI_API_TOKEN="${CIVITAI_API_KEY-}" HF_API_TOKEN="${HF_TOKEN-}"',
    ]
    for file in files:
        if file.relative is None:
            parts.append(f"# not below the installation, comfy-cli can't place it: {shown(file.target)}")
            continue
        folder, _, name = file.relative.rpartition("/")
        source = next((one for one in file.sources if not one.needs_key), file.sources[0])
        parts += _remarks([source])
        words = f"--url {shell(source.url)} --relative-path {shell(folder)} --filename {shell(name)}"
        parts.append(f"comfy --workspace {shell(file.base)} --skip-prompt model download {words} || failed=1")
        parts.append(f"placed {_promise(file)}")
    return "\n".join((*parts, "", "exit $failed", ""))


def hf(files: Sequence[ExportedFile]) -> str:
    """A shell script of `hf download`: into a folder of its own, checked, then moved into its place."""
    parts = [
        _SH_HEAD.partition("# ask URL")[0].replace("Needs: curl, ", "Needs: hf (huggingface_hub), "),
        _HF_FETCH,
    ]
    for file in files:
        source = next((one for one in file.sources if one.source == "huggingface" and one.repo_id), None)
        if source is None:
            parts.append(f"# not on Hugging Face: {shown(file.name)}")
            continue
        parts += _remarks([source])
        kind, repo_id = _kind_and_id(source.repo_id or "")
        place = f"{shell(kind)} {shell(repo_id)} {shell(source.revision or 'main')} {shell(source.repo_path or '')}"
        parts.append(f"hub {_promise(file)} {place}")
    return "\n".join((*parts, "", "exit $failed", ""))


_HF_FETCH: Final = r"""# hub FILE SHA256 BYTES KIND REPOSITORY REVISION PATH
hub() {
  if right "$1" "$2" "$3"; then printf 'in place: %s\n' "$1" >&2; return 0; fi
  if [ -e "$1" ]; then printf 'another file is there, it was not touched: %s\n' "$1" >&2; failed=1; return 1; fi
  mkdir -p "$(dirname "$1")" || { failed=1; return 1; }
  hf download --repo-type "$4" --revision "$6" --local-dir "$1.hf" --quiet -- "$5" "$7" >/dev/null || :
  if right "$1.hf/$7" "$2" "$3"; then
    mv -n "$1.hf/$7" "$1" && rm -rf "$1.hf" && printf 'fetched: %s\n' "$1" >&2 && return 0
  fi
  # what hf made around nothing goes; a part that came is kept, hf goes on with it
  if [ ! -e "$1.hf/$7" ] && [ -z "$(find "$1.hf" -name '*.incomplete' -size +0 2>/dev/null)" ]; then
    rm -rf "$1.hf/.cache"
    (cd "$1.hf" && rmdir -p "$(dirname "./$7")"; rmdir "$1.hf") 2>/dev/null
  fi
  printf 'not fetched, or not the promised file: %s\n' "$1" >&2
  failed=1
  return 1
}
"""

WRITERS: Final[dict[str, Callable[[Sequence[ExportedFile]], str]]] = {
    "aria2": aria2,
    "sh": sh,
    "comfy-cli": comfy_cli,
    "hf": hf,
}


def left_out(written: str, files: Sequence[ExportedFile]) -> dict[str, str]:
    """What a format can't fetch, by name."""
    return dict(_left_out(written, files))


def _left_out(written: str, files: Sequence[ExportedFile]) -> Iterator[tuple[str, str]]:
    for file in files:
        if written == "aria2" and not file.target.isprintable():
            yield file.name, "Its folder has a name that can't stand in one line"
        elif written == "aria2" and all(source.needs_key for source in file.sources):
            yield file.name, "It needs a key, which aria2c would hand on to other hosts; use `--format sh`"
        elif written == "hf" and not any(source.source == "huggingface" and source.repo_id for source in file.sources):
            yield file.name, "It is not on Hugging Face"
        elif written == "comfy-cli" and file.relative is None:
            yield file.name, "Its folder is not below the installation"
        elif written == "lock" and (file.sha256 is None or file.size_bytes is None):
            yield file.name, "Its SHA-256 or size is not known before it is fetched"


def _promise(file: ExportedFile) -> str:
    size = "" if file.size_bytes is None else str(file.size_bytes)
    return f"{shell(file.target)} {shell(file.sha256 or '')} {shell(size)}"


def _key(source: ExportedSource) -> str:
    return f'"${{{source.key_variable}-}}"' if source.key_variable else "''"


def _remarks(sources: Sequence[ExportedSource]) -> list[str]:
    """What a person has to do first, as a comment; none where one of the sources is open to all."""
    first = sources[0]
    if not all(source.needs_key for source in sources):
        return []
    key, page = first.key_variable or "a key", shown(first.page_url or first.url)
    also = _FIRST.get(first.access)
    return [f"# needs {key}" + (f", and {also} {page}" if also else "")]


_FIRST: Final = {"gated": "its licence accepted at", "early-access": "early access, which is bought at"}


def _any_of(calls: Sequence[str]) -> str:
    """Earlier sources may fail without the file failing."""
    tries = " || ".join(f"( {call} )" for call in calls[:-1])
    return f"{tries} || {calls[-1]}"


def _kind_and_id(repo_id: str) -> tuple[str, str]:
    prefix, _, rest = repo_id.partition("/")
    return (prefix[:-1], rest) if prefix in ("datasets", "spaces") else ("model", repo_id)
