from pathlib import Path

import msgspec

from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.space import check_space
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest


def _request(root: Path, name: str, size: int | None) -> FetchRequest:
    candidate = Candidate(source="civitai", filename=name, download_url="https://x/y", size_bytes=size)
    target = str(root / "loras" / name)
    return FetchRequest(filename=name, target=target, root=str(root), candidates=(candidate,), folder="loras")


def test_files_of_one_volume_are_counted_together_in_order(tmp_path: Path) -> None:
    requests = [_request(tmp_path / "a", "1", 60), _request(tmp_path / "b", "2", 50), _request(tmp_path / "b", "3", 40)]
    problems = check_space(requests, lambda folder: 100)
    assert list(problems) == [requests[1].target]
    problem = problems[requests[1].target]
    assert problem.code == "disk-full"
    assert "10 B are missing" in problem.message
    assert problem.where == requests[1].root


def test_a_plan_that_fits_exactly_has_no_problem(tmp_path: Path) -> None:
    assert check_space([_request(tmp_path, "1", 60), _request(tmp_path, "2", 40)], lambda folder: 100) == {}


def test_roots_of_a_mapping_are_volumes_of_their_own(tmp_path: Path) -> None:
    requests = [_request(tmp_path / "a", "1", 60), _request(tmp_path / "b", "2", 60)]
    free = {str(tmp_path / "a"): 100, str(tmp_path / "b"): 10}
    assert list(check_space(requests, free)) == [requests[1].target]


def test_what_is_in_a_part_or_in_place_needs_no_more_space(tmp_path: Path) -> None:
    half, whole = _request(tmp_path, "half", 100), _request(tmp_path, "whole", 100)
    (tmp_path / "loras").mkdir()
    beside = PartPaths(Path(half.target))
    beside.part.write_bytes(b"x" * 70)
    beside.journal.write_bytes(msgspec.json.encode(PartRecord(candidate="c", url="u")))
    Path(whole.target).write_bytes(b"x" * 100)
    assert check_space([half, whole], lambda folder: 30) == {}
    assert list(check_space([half, whole], lambda folder: 29)) == [half.target]


def test_a_file_of_unknown_size_is_not_refused(tmp_path: Path) -> None:
    assert check_space([_request(tmp_path, "1", None)], lambda folder: 0) == {}


def test_the_folder_that_is_asked_about_exists(tmp_path: Path) -> None:
    asked: list[str] = []

    def free(folder: str) -> int:
        asked.append(folder)
        return 0

    check_space([_request(tmp_path / "not" / "there", "1", 1)], free)
    assert asked == [str(tmp_path)]


def test_the_targets_own_disk_counts_where_a_folder_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "loras").symlink_to(tmp_path / "disk", target_is_directory=True)
    free = {str(tmp_path / "models" / "loras"): 5}
    assert check_space([_request(tmp_path / "models", "1", 5)], lambda folder: free[folder]) == {}
