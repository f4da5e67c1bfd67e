"""Node types, loader inputs and model folders from the source of packs, in the forms that real packs use."""

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.node_source import read_node_source
from comfyfixer.inventory.pack_source import PackSource


def read(tmp_path: Path, main: str, **files: str) -> PackSource:
    """Read a pack with this `__init__.py` and further files: `a__init` is `a/__init__.py`."""
    pack = tmp_path / "custom_nodes" / "my.pack-1"
    named = {f"{key.replace('__', '/').replace('/init', '/__init__')}.py": text for key, text in files.items()}
    for name, text in {"__init__.py": main, **named}.items():
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return read_node_source(pack / "__init__.py", FolderTable(str(tmp_path)))


CLASSES = """
class A:
    NAME = "Alpha"
class B:
    NAME = "Beta"
"""

MAPPINGS = {
    "a literal": "NODE_CLASS_MAPPINGS = {'a': A, 'b': B}",
    "an annotated literal": "NODE_CLASS_MAPPINGS: dict[str, type] = {'a': A, 'b': B}",
    "update": "NODE_CLASS_MAPPINGS = {'a': A}\nNODE_CLASS_MAPPINGS.update({'b': B})",
    "update by keyword": "NODE_CLASS_MAPPINGS = dict(a=A)\nNODE_CLASS_MAPPINGS.update(b=B)",
    "merge": "NODE_CLASS_MAPPINGS = {'a': A} | {'b': B}",
    "merge in place": "NODE_CLASS_MAPPINGS = {'a': A}\nNODE_CLASS_MAPPINGS |= {'b': B}",
    "unpacking": "X = {'a': A}\nNODE_CLASS_MAPPINGS = {**X, **{'b': B}}",
    "subscripts": "NODE_CLASS_MAPPINGS = {}\nNODE_CLASS_MAPPINGS['a'] = A\nNODE_CLASS_MAPPINGS['b'] = B",
    "a comprehension": "NODE_CLASS_MAPPINGS = {c.__name__.lower(): c for c in [A, B]}",
    "a loop": "NODE_CLASS_MAPPINGS = {}\nfor c in (A, B):\n    NODE_CLASS_MAPPINGS[c.__name__.lower()] = c",
    "zip": "NODE_CLASS_MAPPINGS = dict(zip(['a', 'b'], [A, B]))",
    "a helper": "def make():\n    found = {}\n    for c in [A, B]:\n        found[c.__name__.lower()] = c\n"
    "    return found\nNODE_CLASS_MAPPINGS = make()",
    "constants": "ONE = 'a'\nNODE_CLASS_MAPPINGS = {ONE: A}\nNODE_CLASS_MAPPINGS[str('b')] = B",
    "deleting": "NODE_CLASS_MAPPINGS = {'a': A, 'b': B, 'c': A, 'd': B}\ndel NODE_CLASS_MAPPINGS['c']\n"
    "NODE_CLASS_MAPPINGS.pop('d')",
    "globals": "globals()['NODE_CLASS_MAPPINGS'] = {'a': A, 'b': B}",
    "a module-level test that can be decided": "NODE_CLASS_MAPPINGS = {'a': A}\nif __name__ == '__main__':\n"
    "    NODE_CLASS_MAPPINGS['c'] = A\nelse:\n    NODE_CLASS_MAPPINGS['b'] = B",
    "an optional library": "NODE_CLASS_MAPPINGS = {'a': A}\ntry:\n    import cv2\n    OK = True\n"
    "except ImportError:\n    OK = False\nif OK:\n    NODE_CLASS_MAPPINGS['b'] = B",
    "a decorator": "NODE_CLASS_MAPPINGS = {}\ndef register(n):\n    def keep(c):\n        NODE_CLASS_MAPPINGS[n] = c\n"
    "        return c\n    return keep\n@register('a')\nclass C: pass\n@register('b')\nclass D: pass",
    "a registering base class": "NODE_CLASS_MAPPINGS = {}\nclass Base:\n    def __init_subclass__(cls, **kw):\n"
    "        NODE_CLASS_MAPPINGS[cls.KEY] = cls\nclass C(Base):\n    KEY = 'a'\nclass D(Base):\n    KEY = 'b'",
    "a registry object": "class Registry:\n    def __init__(self):\n        self.nodes = {}\n"
    "    def add(self, name, c):\n        self.nodes[name] = c\nR = Registry()\nR.add('a', A)\nR.add('b', B)\n"
    "NODE_CLASS_MAPPINGS = R.nodes",
    "a metaclass": "NODE_CLASS_MAPPINGS = {}\nclass Meta(type):\n    def __new__(mcs, name, bases, attrs):\n"
    "        made = super().__new__(mcs, name, bases, attrs)\n        if 'KEY' in attrs:\n"
    "            NODE_CLASS_MAPPINGS[attrs['KEY']] = made\n        return made\n"
    "class Base(metaclass=Meta): pass\nclass C(Base):\n    KEY = 'a'\nclass D(C):\n    KEY = 'b'",
    "a metaclass that looks on": "NODE_CLASS_MAPPINGS = {}\nclass Meta(type):\n"
    "    def __init__(cls, name, bases, attrs):\n        super().__init__(name, bases, attrs)\n"
    "        NODE_CLASS_MAPPINGS[name.lower()] = cls\nclass A(metaclass=Meta): pass\nclass B(metaclass=Meta): pass",
    "names given to classes": "def make(n):\n    class C: pass\n    C.__name__ = n\n    return C\n"
    "NODE_CLASS_MAPPINGS = {c.__name__: c for c in (make('a'), make('b'))}",
    "text that is run": "exec('\\n'.join(f'class Node{n}: pass' for n in 'ab'), globals())\n"
    "NODE_CLASS_MAPPINGS = {n: globals().get('Node' + n) for n in 'abc' if globals().get('Node' + n) is not None}",
    "classes among the globals": "NODE_CLASS_MAPPINGS = {\n"
    "    k.lower(): v for k, v in globals().items() if k in ('A', 'B')}",
    "globals that are updated": "globals().update({'ONE': 'a', 'TWO': 'b'})\n"
    "NODE_CLASS_MAPPINGS = {ONE: A, globals()['TWO']: B}",
    "texts of a kind of their own": "class Any(str):\n    def __ne__(self, other):\n        return False\n"
    "ANY = Any('*')\n"
    "if not isinstance(ANY, str):\n    raise ValueError\nNODE_CLASS_MAPPINGS = {'a': A, 'b': B}",
    "made classes": "NODE_CLASS_MAPPINGS = {n: type(n, (A,), {'N': n}) for n in ('a', 'b')}",
    "members of the module": "import inspect, sys\nNODE_CLASS_MAPPINGS = {}\n"
    "for name, c in inspect.getmembers(sys.modules[__name__], inspect.isclass):\n"
    "    NODE_CLASS_MAPPINGS[name.lower()] = c",
}


@pytest.mark.parametrize("form", MAPPINGS.values(), ids=MAPPINGS)
def test_a_mapping_in_one_file(tmp_path: Path, form: str) -> None:
    source = read(tmp_path, CLASSES + form)
    assert source.node_types == {"a", "b"}
    assert source.complete


def test_names_are_built_from_prefixes_and_class_attributes(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        CLASSES
        + """
PACK = "my"
def label(name):
    return '{} ({})'.format(name, PACK)
NODE_CLASS_MAPPINGS = {f"{PACK}/{A.NAME}": A, label(B.NAME): B, "%s!" % A.NAME: A, PACK + " x": B}
""",
    )
    assert source.node_types == {"my/Alpha", "Beta (my)", "Alpha!", "my x"}


def test_imports_across_files_relative_aliased_and_wildcard(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        """
        from .one import NODE_CLASS_MAPPINGS as one
        from .sub import two
        from .sub.three import *
        import my_x_pack
        NODE_CLASS_MAPPINGS = {**one, **two.MAP, **MORE}
        """,
        one="from .sub.base import Base\nclass X(Base): pass\nNODE_CLASS_MAPPINGS = {'one ' + X.KIND: X}",
        sub__two="class Y: pass\nMAP = {'two': Y}",
        sub__three="class Z: pass\nMORE = {'three': Z}\n_hidden = {'no': Z}",
        sub__base="class Base:\n    KIND = 'base'",
    )
    assert source.node_types == {"one base", "two", "three"}
    assert source.complete


@pytest.mark.parametrize(
    "loop",
    [
        "for name in ['one', 'two']:\n    m = importlib.import_module(f'.nodes.{name}', package=__name__)\n",
        "for name in ['one', 'two']:\n    m = importlib.import_module('.nodes.' + name, __package__)\n",
        (
            "for f in os.listdir(os.path.join(os.path.dirname(__file__), 'nodes')):\n"
            "    if not f.endswith('.py') or f.startswith('_'):\n        continue\n"
            "    m = importlib.import_module('.nodes.' + os.path.splitext(f)[0], __name__)\n"
        ),
        (
            "for f in (Path(__file__).parent / 'nodes').glob('*.py'):\n    if f.stem == '__init__': continue\n"
            "    m = importlib.import_module(f'.nodes.{f.stem}', __name__)\n"
        ),
        (
            "here = os.path.dirname(os.path.realpath(__file__))\n"
            "for f in glob.glob(os.path.join(here, '**', '*.py'), recursive=True):\n"
            "    if f.endswith('__init__.py'): continue\n"
            "    spec = importlib.util.spec_from_file_location(os.path.basename(f), f)\n"
            "    m = importlib.util.module_from_spec(spec)\n    spec.loader.exec_module(m)\n"
        ),
        (
            "from . import nodes\nfor _, name, _ in pkgutil.iter_modules(nodes.__path__):\n"
            "    m = importlib.import_module(f'{nodes.__name__}.{name}')\n"
        ),
    ],
    ids=["f-string", "sum", "listdir", "pathlib", "spec", "pkgutil"],
)
def test_modules_imported_in_a_loop(tmp_path: Path, loop: str) -> None:
    source = read(
        tmp_path,
        "import glob, importlib, importlib.util, os, pkgutil\nfrom pathlib import Path\nNODE_CLASS_MAPPINGS = {}\n"
        + loop
        + "    NODE_CLASS_MAPPINGS.update(getattr(m, 'NODE_CLASS_MAPPINGS', {}))\n",
        nodes__init="",
        nodes__one="class X: pass\nNODE_CLASS_MAPPINGS = {'one': X}",
        nodes__two="class X: pass\nNODE_CLASS_MAPPINGS = {'two': X}",
    )
    assert source.node_types == {"one", "two"}
    assert source.complete


def test_folders_added_to_the_search_path_are_found(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), 'modules'))\n"
        "import impact.core\nfrom impact.core import NODES\nNODE_CLASS_MAPPINGS = {**NODES, 'k': impact.core.K}",
        modules__impact__core="class K: pass\nNODES = {'core': K}",
    )
    assert source.node_types == {"core", "k"}


def test_types_written_into_comfyuis_own_mapping_count(tmp_path: Path) -> None:
    source = read(
        tmp_path, "import nodes\nclass X: pass\nnodes.NODE_CLASS_MAPPINGS['direct'] = X\nNODE_CLASS_MAPPINGS = {}"
    )
    assert source.node_types == {"direct"}


def test_what_depends_on_an_undecided_test_is_not_called_installed(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        CLASSES
        + "import torch\nNODE_CLASS_MAPPINGS = {'a': A}\nif torch.cuda.is_available():\n"
        + "    NODE_CLASS_MAPPINGS['b'] = B",
    )
    assert source.node_types == {"a"}
    assert not source.complete


@pytest.mark.parametrize(
    "rest",
    [
        "NODE_CLASS_MAPPINGS.update(other.make())",
        "for name in other.names():\n    NODE_CLASS_MAPPINGS[name] = A",
        "NODE_CLASS_MAPPINGS[other.NAME] = A",
        "NODE_CLASS_MAPPINGS = {**NODE_CLASS_MAPPINGS, **other.make()}",
    ],
)
def test_what_comes_from_outside_leaves_a_pack_incomplete(tmp_path: Path, rest: str) -> None:
    source = read(tmp_path, CLASSES + f"import other\nNODE_CLASS_MAPPINGS = {{'a': A}}\n{rest}")
    assert source.node_types == {"a"}
    assert not source.complete


def test_what_is_skipped_perhaps_is_not_called_installed(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        CLASSES + "import other\nNODE_CLASS_MAPPINGS = {}\nfor c in [A, B]:\n    if other.skip(c):\n        continue\n"
        "    NODE_CLASS_MAPPINGS[c.NAME] = c\nNODE_CLASS_MAPPINGS['sure'] = A",
    )
    assert source.node_types == {"sure"}
    assert not source.complete


V3 = """
from comfy_api.latest import ComfyExtension, io
import folder_paths

class Base(io.ComfyNode):
    ID = None
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id=cls.ID, inputs=[])

class One(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="My.One",
            display_name="Not this",
            inputs=[
                io.Model.Input("model"),
                io.Int.Input("seed", control_after_generate=True),
                io.Combo.Input("lora", options=folder_paths.get_filename_list("loras")),
                io.Combo.Input("unet", options=["none"] + folder_paths.get_filename_list("unet"), optional=True),
            ],
        )

class Two(Base):
    ID = "My.Two"

class E(ComfyExtension):
    async def get_node_list(self):
        return [One, Two]

async def comfy_entrypoint():
    return E()
"""


def test_v3_types_are_the_ids_of_their_schemas(tmp_path: Path) -> None:
    source = read(tmp_path, V3)
    assert source.node_types == {"My.One", "My.Two"}
    assert source.complete
    lora, unet = source.inputs["My.One"]["lora"], source.inputs["My.One"]["unet"]
    assert (lora.folders, lora.widget_index) == (("loras",), 2)
    assert (unet.folders, unet.widget_index) == (("diffusion_models",), 3)


def test_the_old_mapping_wins_over_the_entry_point(tmp_path: Path) -> None:
    assert read(tmp_path, V3 + "\nNODE_CLASS_MAPPINGS = {'old': One}").node_types == {"old"}


def test_loader_inputs_are_read_through_helpers_and_constants(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        """
        import folder_paths
        from .lists import loras
        KIND = "vae"
        class Loader:
            @classmethod
            def INPUT_TYPES(s):
                names = [n for n in folder_paths.get_filename_list("clip") if n.endswith(".gguf")]
                return {
                    "required": {
                        "model": ("MODEL",),
                        "ckpt": (folder_paths.get_filename_list("checkpoints"), {"tooltip": "x"}),
                        "noise_seed": ("INT", {"default": 0}),
                        "vae": (["Baked"] + folder_paths.get_filename_list(KIND),),
                        "text": ("STRING", {"forceInput": True}),
                        "lora": (loras(),),
                        "two": (folder_paths.get_filename_list("a") + folder_paths.get_filename_list("b"),),
                    },
                    "optional": {"clip": (names,), "new": ("COMBO", {"options": loras()})},
                }
        class Plain:
            @classmethod
            def INPUT_TYPES(s):
                return {"required": {"x": (["a", "b"],)}}
        NODE_CLASS_MAPPINGS = {"L": Loader, "P": Plain}
        """,
        lists="import folder_paths as fp\ndef loras():\n    return sorted(['None', *fp.get_filename_list('loras')])",
    )
    found = {name: (entry.folders, entry.widget_index) for name, entry in source.inputs["L"].items()}
    assert found == {
        "ckpt": (("checkpoints",), 0),
        "vae": (("vae",), 3),
        "lora": (("loras",), 4),
        "two": (("a", "b"), 5),
        "clip": (("text_encoders",), 6),
        "new": (("loras",), 7),
    }
    assert "P" not in source.inputs


def test_a_place_is_not_counted_behind_an_input_of_unknown_kind(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        """
        import folder_paths, other
        class L:
            @classmethod
            def INPUT_TYPES(s):
                return {"required": {"x": other.kind(), "y": (folder_paths.get_filename_list("vae"),)}}
        NODE_CLASS_MAPPINGS = {"L": L}
        """,
    )
    assert source.inputs["L"]["y"].widget_index is None


def test_registered_model_folders_are_known(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        """
        import os, folder_paths
        from .config import KIND
        folder_paths.add_model_folder_path("bbox", os.path.join(folder_paths.models_dir, "ultralytics", "bbox"))
        folder_paths.folder_names_and_paths["ipadapter"] = (
            [os.path.join(folder_paths.models_dir, "ipadapter")], folder_paths.supported_pt_extensions)
        def add(key, targets):
            base = folder_paths.folder_names_and_paths.get(key, ([], {}))
            target = next((x for x in targets if x in folder_paths.folder_names_and_paths), targets[0])
            roots, _ = folder_paths.folder_names_and_paths[target]
            folder_paths.folder_names_and_paths[key] = (roots or base[0], {".gguf"})
        add(KIND, ["diffusion_models", "unet"])
        folder_paths.add_model_folder_path("unknown", some.path())
        NODE_CLASS_MAPPINGS = {}
        """,
        config="KIND = 'unet_gguf'",
    )
    table = FolderTable(str(tmp_path))
    models = tmp_path / "models"
    assert source.folders == {
        "bbox": ((str(models / "ultralytics" / "bbox"),), frozenset()),
        "ipadapter": ((str(models / "ipadapter"),), table.standard_extensions),
        "unet_gguf": (table.roots("diffusion_models"), frozenset({".gguf"})),
    }


def test_nothing_of_a_pack_runs_and_nothing_outside_it_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"leaked": 1}')
    (tmp_path / "custom_nodes" / "other").mkdir(parents=True)
    source = read(
        tmp_path,
        f"""
        import json, os
        open({str(tmp_path / "ran")!r}, "w").write("x")
        os.makedirs({str(tmp_path / "made")!r})
        class X: pass
        NODE_CLASS_MAPPINGS = {{name: X for name in json.load(open({str(tmp_path / "secret.json")!r}))}}
        NODE_CLASS_MAPPINGS.update({{name: X for name in os.listdir(os.path.join(os.path.dirname(__file__), "..")) }})
        """,
    )
    assert source.node_types == frozenset()
    assert not source.complete
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "made").exists()


HOSTILE = {
    "a syntax error": "def (",
    "a nul byte": "x = 1\0",
    "deep parentheses": "x = " + "(" * 5_000,
    "a long sum": "x = " + "+".join("1" * 20_000),
    "a long attribute chain": "x = a" + ".b" * 50_000,
    "endless recursion": "def f(x):\n    return f(x + 1)\nNODE_CLASS_MAPPINGS = f(1)",
    "an endless loop": "x = 0\nwhile True:\n    x += 1",
    "huge text": "x = 'a'\nfor _ in range(100):\n    x = x + x\nNODE_CLASS_MAPPINGS = {x: 1}",
    "huge fields": "NODE_CLASS_MAPPINGS = {f'{1:999999999}': 1, '%999999999d' % 1: 2, '{:999999999}'.format(1): 3}",
    "huge numbers": "x = 10\nfor _ in range(1000):\n    x = x * x",
    "doubling lists": "x = [1]\nfor _ in range(100):\n    x = x + x",
    "extending itself": "x = [1]\nfor _ in range(100):\n    x.extend(x)",
    "doubling paths": "import os\nx = 'a' * 2000\nfor i in range(100):\n    x = os.path.join(x, x)",
    "doubling path objects": "from pathlib import Path\nx = Path('a' * 2000)\nfor i in range(100):\n    x = x / str(x)",
    "joining doubled": "x = 'a' * 2000\nfor i in range(100):\n    x = x.join([x, x, x]).replace('a', 'aaaa')",
    "bases that double": "class A0: pass\n"
    + "".join(f"class A{n}(A{n - 1}, A{n - 1}): pass\n" for n in range(1, 60))
    + "x = A59.foo, A59.__mro__, issubclass(A59, int), hasattr(A59, 'y'), A59(1)\n",
    "values in themselves": "d = {}\nd['d'] = d\nx = d | d\nl = []\nl.append(l)\ny = l in l, l == l, d == d",
    "a slow pattern": "import re\nNODE_CLASS_MAPPINGS = {re.sub('(a+)+$', '', 'a' * 40 + 'b'): 1}",
    "imports in a circle": "from . import x\nfrom .x import y\nNODE_CLASS_MAPPINGS = y",
    "a missing module": "from .nothing import NODE_CLASS_MAPPINGS",
    "odd calls": "len()\nlist(1, 2)\ngetattr(1)\ndict(3)\nzip(*3)\nsorted()\nimport os\nos.listdir()\nos.path.join(1)",
    "odd classes": "class A(A): pass\nclass B(B, metaclass=B): pass\nNODE_CLASS_MAPPINGS = {B: A()}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_source_gives_no_type_and_no_crash(tmp_path: Path, text: str) -> None:
    source = read(tmp_path, text, x="from . import y\nfrom .y import y", y="from .x import y")
    assert {name for name in source.node_types if len(name) < 1000} == source.node_types
    assert source.folders == {}


def test_text_that_is_not_known_leaves_the_pack_open(tmp_path: Path) -> None:
    source = read(tmp_path, "import zlib\nNODE_CLASS_MAPPINGS = {'a': int}\nexec(zlib.decompress(b''))")
    assert source.node_types == {"a"}
    assert not source.complete


INI_MAIN = """
import configparser, os
config = configparser.ConfigParser()
config.read(os.path.join(os.path.dirname(__file__), 'config.ini'), encoding='utf-8')
class A: pass
NODE_CLASS_MAPPINGS = {'always': A}
if config.getboolean('nodes', 'more', fallback=False):
    NODE_CLASS_MAPPINGS['more'] = A
for name in config.get('nodes', 'names', fallback='').split(','):
    if name:
        NODE_CLASS_MAPPINGS[name] = A
"""


@pytest.mark.parametrize(
    ("text", "types"),
    [
        (None, {"always"}),
        ("[nodes]\nmore = yes\n", {"always", "more"}),
        ("[nodes]\nmore = off\nnames = x,y\n", {"always", "x", "y"}),
        ("[other]\nmore = yes\n", {"always"}),
    ],
)
def test_ini_files_of_a_pack_switch_its_parts(tmp_path: Path, text: str | None, types: set[str]) -> None:
    (tmp_path / "custom_nodes" / "my.pack-1").mkdir(parents=True)
    if text is not None:
        (tmp_path / "custom_nodes" / "my.pack-1" / "config.ini").write_text(text)
    source = read(tmp_path, INI_MAIN)
    assert source.node_types == types
    assert source.complete


@pytest.mark.parametrize("text", ["[nodes\nmore = yes\n", "[nodes]\nmore = perhaps\n", "[nodes]\nmore = %(x)s\n"])
def test_an_ini_file_that_tells_nothing_leaves_the_pack_open(tmp_path: Path, text: str) -> None:
    (tmp_path / "custom_nodes" / "my.pack-1").mkdir(parents=True)
    (tmp_path / "custom_nodes" / "my.pack-1" / "config.ini").write_text(text)
    source = read(tmp_path, INI_MAIN)
    assert source.node_types == {"always"}
    assert not source.complete


def test_files_that_cannot_be_parsed_are_named_and_the_rest_counts(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        "NODE_CLASS_MAPPINGS = {}\nfrom .good import A\nNODE_CLASS_MAPPINGS['a'] = A\nfrom .bad import *\n",
        good="class A: pass",
        bad="def (",
    )
    assert source.node_types == {"a"}
    assert not source.complete
    assert [Path(file).name for file in source.unreadable] == ["bad.py"]


def test_a_file_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    source = read(tmp_path, "NODE_CLASS_MAPPINGS = {'a': 1}\n" + "#" * 5_000_000)
    assert source.node_types == frozenset()
    assert source.unreadable


_WORDS = st.sampled_from(
    [
        *("NODE_CLASS_MAPPINGS", "=", "{", "}", "[", "]", "(", ")", ":", ",", ".", "**", "*", "|", "+=", "for", "in"),
        *("if", "else", "class", "def", "return", "import", "from", "x", "A", "'a'", "1", "\n", "\n   ", "lambda"),
        *("yield", "await", "try:", "except:", "with", "as", "del", "global", "while", "break", "continue", "f'{x}'"),
        *(
            "folder_paths",
            "len",
            "os",
            "NODE_CLASS_MAPPINGS = {}\n",
            "class A:\n    x = 1\n",
            "def x():\n    return A\n",
        ),
    ]
)


@settings(max_examples=200)
@given(words=st.lists(_WORDS, max_size=40))
def test_any_source_is_read_without_a_crash(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    pack = tmp_path_factory.getbasetemp() / "any_pack"
    pack.mkdir(exist_ok=True)
    (pack / "__init__.py").write_text(" ".join(words), encoding="utf-8")
    read_node_source(pack / "__init__.py", FolderTable("/base"))
