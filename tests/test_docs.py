"""The code in the documentation runs as it stands there, on fewer epochs."""
import pathlib
import re

import pytest

_DOCS = pathlib.Path(__file__).parent.parent / "docs"


@pytest.mark.skipif(not _DOCS.is_dir(), reason="the documentation is not at hand")
@pytest.mark.parametrize("name", ["engine.md"])
def test_the_code_of_a_page_runs(name, sample_corpus, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (_DOCS / name).read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        code = block.replace("500", "1")
        assert code != block
        exec(compile(code, name, "exec"), {})
    printed = capsys.readouterr().out
    assert printed.count("Perplexity") == 2 and "'engine': '" in printed
