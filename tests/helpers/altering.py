"""JSON that something has happened to: parts deleted, added, of another type, nested, or enlarged."""

import copy
import json

_DEEP = "@deep@"
VALUES = [
    None,
    True,
    0,
    1,
    -1,
    3,
    10**6,
    2**31,
    2**53 + 1,
    10**30,
    -(10**400),
    0.5,
    5e-324,
    1e300,
    -1e300,
    float("inf"),
    float("nan"),
    "",
    "x",
    "x" * 10**5,
    "a\nb",
    "\udce7",
    "../../x",
    "\0",
    [],
    {},
    [[]],
    [{}],
    {"a": 1},
    _DEEP,
]


def _places(data, found):
    """Add every place in data, ``(container, key)``, to what was found."""
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        found.append((data, key))
        if isinstance(data[key], (dict, list)):
            _places(data[key], found)
    return found


def _alter(data, rng):
    places = _places(data, [])
    if not places:
        return
    # Of long lists, which are most of a file, as much as of short ones: by container.
    containers = list({id(part): part for part, _ in places}.values())
    part = rng.choice(containers)
    key = rng.choice(list(part) if isinstance(part, dict) else range(len(part)))
    how = rng.randrange(8)
    if how == 0:
        del part[key]
    elif how == 1:
        extra = copy.deepcopy(rng.choice(VALUES))
        if isinstance(part, dict):
            part[rng.choice(["more", "", "1", "\udce7", "x" * 300])] = extra
        else:
            part.insert(key, extra)
    elif how == 2:
        part[key] = [part[key]]
    elif how == 3:
        part[key] = {"a": part[key]}
    elif how == 4 and isinstance(part[key], (list, str)):
        part[key] = part[key] * rng.choice([0, 2, 1000 if len(part[key]) < 100 else 3])
    elif how == 5:
        other, name = rng.choice(places)
        part[key] = copy.deepcopy(other[name]) if other is not data else 1
    else:
        part[key] = copy.deepcopy(rng.choice(VALUES))


def altered(text, rng):
    """Return JSON, altered in one to three places by a `random.Random`."""
    data = json.loads(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        _alter(data, rng)
    deep = rng.choice(["[" * 60 + "]" * 60, "[" * 900 + "]" * 900, "[" * 10**5 + "]" * 10**5])
    altered = json.dumps(data).replace(f'"{_DEEP}"', deep)
    # As no program writes it, but a reader may meet it.
    return altered.replace("Infinity", "1e400") if rng.random() < 0.5 else altered
