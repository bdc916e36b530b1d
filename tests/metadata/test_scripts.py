"""Scripts can be run and explain themselves; no file knows the machine it was written on."""

from importlib import import_module
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

from .project import ROOT, name, project_files, text_of

_PROGRAMS = [
    path
    for path in project_files()
    if path.parent == ROOT / "scripts" or (text_of(path) or "").startswith("#!")
]
_LINE_MAX = 400
#: It is run by another script only.
_NO_OPTIONS = {"python-from-debian-testing"}

#: A path of one machine. After a word, a variable or a closing quote it is part of another.
_MACHINE_PATH = re.compile(r"""(?<![\w.})\]*])(?<!\w["'])/(?:work|root|home|Users)/\w""")
#: In two parts, so that this file does not hold what it looks for.
_REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("proxy.golang", "org"),
        ("deb.debian", "org"),
        ("security.debian", "org"),
        ("archive.ubuntu", "com"),
    )
]


@pytest.mark.parametrize("path", _PROGRAMS, ids=name)
def test_script_can_be_run(path: Path) -> None:
    assert os.access(path, os.X_OK), f"chmod +x {name(path)}"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] in {"#!/usr/bin/env bash", "#!/usr/bin/env python3"}
    assert len(lines) <= _LINE_MAX


@pytest.mark.parametrize("path", _PROGRAMS, ids=name)
def test_script_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(r'#!.*\n("""|# )\w', text), "the second line says what it is for"


#: A script that only hands its arguments to a module of the project.
_RUNS = re.compile(r'^.*python"? -m ([\w.]+) "\$@"$', re.MULTILINE)
_MODULES = {
    path: found[1]
    for path in _PROGRAMS
    if (found := _RUNS.search(path.read_text(encoding="utf-8"))) is not None
}


@pytest.mark.parametrize("module", _MODULES.values())
def test_module_has_a_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        import_module(module).main()
    assert ended.value.code == 0
    assert "--help" in capsys.readouterr().out


@pytest.mark.parametrize("path", [each for each in _PROGRAMS if each not in _MODULES], ids=name)
def test_script_has_a_help(path: Path) -> None:
    if path.name in _NO_OPTIONS:
        return
    text = path.read_text(encoding="utf-8")
    # Not tried out: a script without --help might start working.
    assert "--help" in text or "argparse" in text
    result = subprocess.run(  # noqa: S603
        [path, "--help"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize("path", _PROGRAMS, ids=name)
def test_bash_stops_at_the_first_error(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.startswith("#!/usr/bin/env bash"):
        pytest.skip("not bash")
    assert "\nset -euo pipefail\n" in text
    subprocess.run(["bash", "-n", path], check=True)  # noqa: S603, S607


def test_no_file_knows_a_machine() -> None:
    found = []
    for path in project_files():
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            if _MACHINE_PATH.search(line):
                found.append(f"{name(path)}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """The source of packages is the user's setting, not ours."""
    found = [
        f"{name(path)}: {host}"
        for path in project_files()
        for host in _REGISTRIES
        if host in (text_of(path) or "")
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("known", "variable"),
    [("--system-certs", "UV_SYSTEM_CERTS"), ("--native-tls", "UV_NATIVE_TLS")],
)
def test_setup_trusts_whom_the_system_trusts(tmp_path: Path, known: str, variable: str) -> None:
    """Behind a proxy that inspects TLS; the setting has another name in an older uv."""
    for each in ("scripts", "bin"):
        (tmp_path / each).mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    (tmp_path / "requirements_test.txt").touch()
    (tmp_path / "store.pem").write_text("whom the system trusts")
    uv = tmp_path / "bin" / "uv"
    uv.write_text(
        f"#!/usr/bin/env bash\n[[ $* == *--help* ]] && echo {known}\n"
        f'env > "{tmp_path}/seen"\n[[ $1 != venv ]]\n'
    )
    uv.chmod(0o755)
    subprocess.run(  # noqa: S603
        [tmp_path / "scripts" / "setup"],
        check=False,
        env={
            "HOME": str(tmp_path),
            "PATH": f"{uv.parent}:{os.environ['PATH']}",
            "SSL_CERT_FILE": str(tmp_path / "store.pem"),
        },
        timeout=60,
    )
    assert f"{variable}=true" in (tmp_path / "seen").read_text().splitlines()


def test_a_failed_test_of_a_group_is_repeated(tmp_path: Path) -> None:
    """`scripts/test` repeats what pytest notes: a name with the group would match no test."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    failing = "def test_{}():\n    raise ValueError\n"
    lines = ("import pytest", "@pytest.mark.all", failing.format("home"), failing.format("unit"))
    (tmp_path / "test_both.py").write_text("\n".join(lines))
    command = (sys.executable, "-m", "pytest", "--all", ".")
    # It does not need Home Assistant, which is slow to import.
    other = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
    environment = other | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for arguments in (
        ("-p", "xdist", "--numprocesses=1", "--dist=loadgroup"),
        ("--last-failed", "--last-failed-no-failures=none"),
    ):
        process = subprocess.run(  # noqa: S603
            (*command, *arguments),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "2 failed" in process.stdout, process.stdout
