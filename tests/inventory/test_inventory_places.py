"""Where a ComfyUI is looked for, on every system."""

from pathlib import PurePosixPath, PureWindowsPath

from comfyfixer.inventory.places import places


def _paths(*args: object) -> list[str]:
    return [str(place.path) for place in places(*args)]  # type: ignore[arg-type]  # as each test writes them


def test_the_current_folder_comes_first_then_its_parents() -> None:
    found = _paths({}, PurePosixPath("/a/b"), PurePosixPath("/home/u"), "linux")
    assert found.index("/a/b") == 0
    assert found.index("/a/b") < found.index("/a/b/ComfyUI") < found.index("/a") < found.index("/")


def test_settings_of_other_programs_come_before_usual_places() -> None:
    found = _paths({}, PurePosixPath("/a"), PurePosixPath("/home/u"), "linux")
    for settings in (
        "/home/u/.config/comfy-cli/config.ini",
        "/home/u/.local/share/comfyui-desktop-2/installations.json",
        "/home/u/.config/ComfyUI/config.json",
    ):
        assert found.index("/a") < found.index(settings) < found.index("/home/u/ComfyUI")


def test_linux_obeys_xdg_where_the_programs_do() -> None:
    environ = {"XDG_CONFIG_HOME": "/x/config", "XDG_DATA_HOME": "/x/data"}
    found = _paths(environ, PurePosixPath("/a"), PurePosixPath("/home/u"), "linux")
    assert "/x/data/comfyui-desktop-2/installations.json" in found
    assert "/x/config/ComfyUI/config.json" in found
    assert "/home/u/.config/comfy-cli/config.ini" in found


def test_a_relative_folder_in_a_variable_does_not_count() -> None:
    found = _paths({"XDG_CONFIG_HOME": "config"}, PurePosixPath("/a"), PurePosixPath("/home/u"), "linux")
    assert "/home/u/.config/ComfyUI/config.json" in found


def test_macos_has_its_settings_in_application_support() -> None:
    found = _paths({}, PurePosixPath("/a"), PurePosixPath("/Users/u"), "darwin")
    support = "/Users/u/Library/Application Support"
    assert f"{support}/comfy-cli/config.ini" in found
    assert f"{support}/Comfy Desktop/installations.json" in found
    assert f"{support}/ComfyUI/config.json" in found


def test_windows_has_its_settings_in_app_data_and_portable_folders_on_drives() -> None:
    environ = {"APPDATA": r"E:\Roaming"}
    found = _paths(environ, PureWindowsPath(r"C:\work"), PureWindowsPath(r"C:\Users\u"), "win32")
    assert r"E:\Roaming\Comfy Desktop\installations.json" in found
    assert r"E:\Roaming\ComfyUI\config.json" in found
    assert r"C:\Users\u\AppData\Local\comfy-cli\config.ini" in found
    assert r"D:\ComfyUI_windows_portable\ComfyUI" in found
    assert r"C:\Users\u\Documents\ComfyUI" in found


def test_every_system_knows_the_usual_home_folder() -> None:
    for platform, home in (
        ("linux", PurePosixPath("/home/u")),
        ("darwin", PurePosixPath("/Users/u")),
        ("win32", PureWindowsPath(r"C:\Users\u")),
    ):
        assert str(home / "ComfyUI") in _paths({}, home, home, platform)
