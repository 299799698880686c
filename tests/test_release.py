"""A release: the workflow that makes it, and what it refuses."""

import re
import shutil
import subprocess

import pytest
from checkout import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"

pytestmark = pytest.mark.skipif(not WORKFLOW.is_file(), reason="the repository is not at hand")


@pytest.fixture
def workflow():
    return pytest.importorskip("yaml").safe_load(WORKFLOW.read_text(encoding="utf-8"))


def test_only_a_tag_publishes_and_only_what_was_built_and_tested(workflow):
    publish = workflow["jobs"]["publish"]
    assert publish["if"] == "startsWith(github.ref, 'refs/tags/')"
    assert set(publish["needs"]) == set(workflow["jobs"]) - {"publish"}
    # No other job may speak for the project, and nobody has a password.
    assert workflow["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write"}
    assert not any("permissions" in workflow["jobs"][name] for name in publish["needs"])
    assert "secrets" not in WORKFLOW.read_text(encoding="utf-8")


def test_what_is_uploaded_is_what_is_published(workflow):
    uploaded = [
        step["with"]["name"]
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert len(uploaded) == 2 and all(name.startswith("dist-") for name in uploaded)


def test_the_files_that_it_runs_are_there(workflow):
    runs = " ".join(
        step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]
    )
    files = re.findall(r"\.ci/[\w.-]+", runs)
    assert files and all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize(
    "tag, changes, citation, told",
    [
        ("v1.2.3", "## 1.2.3 (2030-01-02)", "1.2.3", "release: 1.2.3"),
        ("v1.2.4", "## 1.2.3 (2030-01-02)", "1.2.3", "the tag is v1.2.4, and setup.cfg's"),
        ("1.2.3", "## 1.2.3 (2030-01-02)", "1.2.3", "the tag is 1.2.3, and setup.cfg's"),
        ("v1.2.3", "## 1.2.3", "1.2.3", "CHANGELOG.md has no section"),
        ("v1.2.3", "## Unreleased\n\n## 1.2.3 (2030-01-02)", "1.2.3", "still has changes"),
        ("v1.2.3", "## 1.2.3 (2030-01-02)", "1.2.2", "CITATION.cff has another version"),
    ],
)
def test_a_tag_must_be_the_version_of_every_file(tmp_path, tag, changes, citation, told):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "check-release", tmp_path / ".ci")
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\n")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changes\n\n{changes}\n")
    (tmp_path / "CITATION.cff").write_text(f"version: {citation}\n")
    done = subprocess.run([tmp_path / ".ci" / "check-release", tag], capture_output=True, text=True)
    assert told in done.stdout + done.stderr
    assert (done.returncode == 0) == (told == "release: 1.2.3")
