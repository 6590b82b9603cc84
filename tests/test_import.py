"""What importing clothzoo does, and what it leaves alone."""

import subprocess
import sys

import pytest

import clothzoo


def loaded_by(code):
    listing = f"{code}; import sys; print(*sorted(sys.modules), sep=chr(10))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_clothzoo_loads_nothing_heavy():
    heavy = {"keras", "tensorflow", "jax", "torch", "numpy", "numba", "PIL", "huggingface_hub"}
    assert not heavy & loaded_by("import clothzoo; clothzoo.list_models")


def test_similarity_and_datasets_do_not_load_keras():
    modules = loaded_by("import clothzoo.similarity, clothzoo.datasets.clothing")
    assert not {"keras", "tensorflow"} & modules


def test_listing_the_models_needs_no_keras():
    assert "keras" not in loaded_by("import clothzoo; clothzoo.list_models()")


def test_every_public_name_is_there():
    for name in clothzoo.__all__:
        assert getattr(clothzoo, name) is not None


def test_dir_lists_the_public_names():
    assert {"classify", "load", "models", "similarity"} <= set(dir(clothzoo))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="clasify"):
        _ = clothzoo.clasify


@pytest.mark.parametrize("first", ["clothzoo.models.InceptionCNN", "clothzoo.training.train"])
def test_a_missing_backend_is_said_with_the_command_that_installs_it(first):
    code = (
        "import sys, importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('tensorflow', 'jax', 'torch') else real(n, *a)\n"
        "import clothzoo\n"
        "for _ in range(2):\n"  # the second try is not told something else
        f"    try:\n        {first}\n"
        "    except ImportError as error:\n        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"KERAS_BACKEND": "tensorflow", "PATH": ""},
    )
    assert done.stdout.count("pip install 'clothzoo[tensorflow]'") == 2
