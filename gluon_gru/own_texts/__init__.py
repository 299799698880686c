"""Models of texts of one's own.

```python
from gluon_gru import own_texts

own_texts.train("my.txt", "runs/mine")
print("".join(own_texts.generate("runs/mine", "Once ")))
print(own_texts.evaluate("runs/mine", "other.txt").perplexity)
```
"""

from gluon_gru.own_texts.scoring import Score, evaluate
from gluon_gru.own_texts.training import train
from gluon_gru.own_texts.writing import generate

__all__ = ["Score", "evaluate", "generate", "train"]
