// The page: what is typed is read, token by token, and shown; the model goes on with it.

const element = id => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const { vocab, unk } = facts;
const numbers = numbersOf(element("weights").textContent, facts.precision);
const models = facts.stages.map((_, stage) =>
  new Model(facts, numbers.subarray(numbers.length / facts.stages.length * stage)));
const stages = [...document.getElementsByName("stage")];
// The one of the chosen stage.
let model;
const known = new Map(vocab.map((token, index) => [token, index]));

// What is read of a text; the rest would take a browser too long.
const MOST = 4000;
// How many tokens the model begins with: an empty page would show nothing of what it does.
const BEGINNING = 100;
// How long the page may compute before it looks whether something was typed, in milliseconds.
const SLICE = 30;
const pause = () => new Promise(resolve => setTimeout(resolve, 0));

// What was read: for each token, its piece of the text, its index (of <unk> for an unknown one; null
// if there is no <unk>, and it is left out), its surprise in bits (null for the first one read, which
// follows nothing), and the state and the gates after it.
const steps = [];
// What a text may begin with is what follows the token that `facts.opening` is: the end of a line.
let opened;
const stateAt = place => place ? steps[place - 1].state : model.zeros;
const expectedAt = place => model.logits(place ? steps[place - 1].state : opened);

const read = (piece, state = stateAt(steps.length)) => {
  const token = known.get(piece) ?? unk;
  if (token === null) {
    steps.push({ piece, token, bits: null, state, gates: null });
    return;
  }
  const isFirst = state === model.zeros || state === opened;
  const bits = isFirst ? null : surprise(model.logits(state), token);
  steps.push({ piece, token, bits, ...model.step(token, state) });
};

// How tokens are shown: visible signs for what has none.

const VISIBLE = { " ": "␣", "\n": "↵", "\t": "⇥" };
const visible = piece => {
  if (VISIBLE[piece]) return VISIBLE[piece];
  const signs = piece.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, sign =>
    `U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
  return /^\p{M}/u.test(signs) ? `◌${signs}` : signs;
};
const NAMES = { " ": "space", "\n": "end of line", "\t": "tab" };
const named = piece => NAMES[piece] ?? `“${visible(piece)}”`;
const inBits = ({ token, bits }) =>
  token === null ? "left out" : bits === null ? "nothing before it" : `${bits.toFixed(1)} bits`;

const GATES = {
  update: "Z, the update gate", reset: "R, the reset gate",
  input: "I, the input gate", forget: "F, the forget gate", output: "O, the output gate",
};
const gates = facts.gates.filter(gate => gate in GATES);
const blind = Math.max(Math.log2(vocab.length), 1);

const text = element("read");
const tokens = text.getElementsByClassName("token");
const number = (id, otherwise) => element(id).value === "" ? otherwise : Number(element(id).value);
const unitNow = () => element("layer").validity.valid && element("unit").validity.valid
  ? [number("layer", 0), number("unit", 0)] : [0, 0];

const make = (tag, className, content = "") => {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = content;
  return made;
};

const setGates = place => {
  const [layer, unit] = unitNow();
  [...tokens[place].querySelectorAll(".gate")].forEach((lane, i) => {
    lane.style.setProperty("--v", steps[place].gates?.[layer][gates[i]][unit] ?? 0);
  });
};

// Show the steps from a place on, by default those that are not shown yet. No line ends in a word.
const draw = (from = tokens.length) => {
  while (tokens.length > from) {
    const word = tokens[tokens.length - 1].parentElement;
    word.lastElementChild.remove();
    if (word.childElementCount) continue;
    if (word.previousSibling?.nodeName === "BR") word.previousSibling.remove();
    word.remove();
  }
  for (let place = tokens.length; place < steps.length; place++) {
    const { piece, bits } = steps[place];
    const before = place && steps[place - 1].piece;
    if (!place || facts.reading.tokens === "words" || /\s/.test(before)) {
      if (before === "\n") text.append(make("br", ""));
      text.append(make("span", "word"));
      text.lastChild.setAttribute("role", "presentation");
    }
    const token = make("span", known.has(piece) ? "token" : "token unknown", visible(piece));
    token.setAttribute("role", "option");
    token.setAttribute("aria-selected", "false");
    token.setAttribute("aria-label", `${named(piece)}, ${inBits(steps[place])}`);
    token.setAttribute("aria-describedby", "gates");
    token.tabIndex = -1;
    token.dataset.place = place;
    token.style.setProperty("--s", Math.min((bits ?? 0) / blind, 1).toFixed(3));
    for (const gate of gates) token.append(make("i", "gate"));
    text.lastChild.append(token);
    setGates(place);
  }
};

// What is told of a place: the token there, its gates, and what the model expected.

const percent = chance => chance >= 0.001 ? `${(100 * chance).toFixed(1)}%` : "< 0.1%";
const bar = (token, chance, hasCome) => {
  const item = make("li", hasCome ? "came" : "");
  const what = make("span", "what", token === unk ? "<unk>" : visible(vocab[token]));
  if (hasCome) what.append(make("small", "", " came"));
  const track = make("span", "track");
  track.setAttribute("aria-hidden", "true");
  track.append(make("span", "bar full"));
  track.firstChild.style.width = `${100 * chance}%`;
  item.append(what, track, make("span", "value", percent(chance)));
  return item;
};

// The place of the cursor, or of the token that has the focus.
let here = 0;
const show = place => {
  const step = steps[place];
  const chances = probabilities(expectedAt(place));
  const best = ranked(chances).slice(0, 10);
  const came = step?.token ?? null;
  if (came !== null && !best.includes(came)) best.push(came);
  element("bars").replaceChildren(...best.map(token => bar(token, chances[token], token === came)));
  element("where").textContent = step
    ? `In place of ${named(step.piece)}, token ${place + 1} of ${steps.length}:`
    : steps.length ? `After ${named(steps[place - 1].piece)}, the last token:` : "At the beginning:";
  const [layer, unit] = unitNow();
  const isKnown = !step || known.has(step.piece);
  element("readout").textContent = (step ? `${named(step.piece)}: ${inBits(step)}` : "")
    + (isKnown ? "" : `; not in the vocabulary${unk === null ? "" : ", read as <unk>"}`);
  element("gates").textContent = !step?.gates || !gates.length ? "" : `Unit ${unit}: ${
    gates.map(gate => `${GATES[gate][0]} ${step.gates[layer][gate][unit].toFixed(3)}`).join(", ")}`;
};
const goTo = place => {
  here = place;
  const nearest = Math.min(place, steps.length - 1);
  select(nearest);
  // Only the text is scrolled, not the page.
  const { offsetTop, offsetHeight } = tokens[nearest] ?? text;
  if (offsetTop < text.scrollTop) text.scrollTop = offsetTop;
  const below = offsetTop + offsetHeight - text.clientHeight;
  if (below > text.scrollTop) text.scrollTop = below;
  show(place);
};
const select = roaming(text, show, () => show(Math.min(here, steps.length)));
text.addEventListener("focusin", event => {
  if (event.target.dataset.place) here = Number(event.target.dataset.place);
});

// How many tokens of the text are too many.
let left = 0;
// Told to screen readers when the model has written, not at every key.
const tell = live => {
  element("summary").setAttribute("aria-live", live);
  const bits = steps.map(step => step.bits).filter(value => value !== null);
  const mean = bits.reduce((a, b) => a + b, 0) / bits.length;
  element("summary").textContent = !steps.length ? "" : [
    steps.length === 1 ? "1 token" : `${steps.length} tokens`,
    bits.length ? `: ${mean.toFixed(2)} bits each, perplexity ${(2 ** mean).toPrecision(4)}` : "",
    left ? `; the first ${MOST} are read, and ${left} are left out` : "",
  ].join("");
};

// Reading.

const box = element("box");
// What the text was each time before the model went on with it.
const earlier = [];
// The number of what was begun last, reading or writing, at which all before it stops.
let latest = 0;
const setBusy = is => text.setAttribute("aria-busy", is);
const finish = () => {
  latest++;
  setBusy(false);
  element("go").textContent = "Continue";
};

// The place of the token that the cursor is before, or in.
const placeOfCursor = () => {
  const before = readAs(facts.reading, box.value.slice(0, box.selectionStart)).length;
  let at = 0;
  // The first word may have been given a space.
  let end = steps.length && !readAs(facts.reading, box.value).startsWith(steps[0].piece) ? -1 : 0;
  while (at < steps.length && (end += steps[at].piece.length) <= before) at++;
  return at;
};

// Read what has changed in the text; return whether nothing else was begun meanwhile. `live` says
// whether screen readers are told.
const refresh = async (live = "off") => {
  finish();
  setBusy(true);
  const mine = latest;
  const all = split(facts.reading, readAs(facts.reading, box.value), known);
  const pieces = all.slice(0, MOST);
  left = all.length - pieces.length;
  let same = 0;
  while (same < pieces.length && steps[same]?.piece === pieces[same]) same++;
  steps.length = same;
  draw(same);
  let since = performance.now();
  for (const piece of pieces.slice(same)) {
    read(piece);
    if (performance.now() - since < SLICE) continue;
    draw();
    await pause();
    if (mine !== latest) return false;
    since = performance.now();
  }
  draw();
  goTo(placeOfCursor());
  tell(live);
  setBusy(false);
  return true;
};

box.addEventListener("input", () => {
  // To take back what was written before would take back what was typed after it.
  earlier.length = 0;
  element("back").disabled = true;
  refresh();
});
document.addEventListener("selectionchange", () => {
  if (document.activeElement === box && steps.length) goTo(placeOfCursor());
});

// Writing.

const write = async length => {
  if (!await refresh()) return;
  finish();
  setBusy(true);
  const mine = latest;
  const random = mulberry32(number("seed", 0));
  const temperature = number("temperature", 1);
  const count = Math.min(length, MOST - steps.length);
  earlier.push(box.value);
  element("back").disabled = false;
  element("go").textContent = "Stop";
  // The words have their spaces before them.
  if (facts.reading.tokens === "words") box.value = box.value.replace(/ +$/, "");
  for (let i = 0; i < count; i++) {
    const logits = expectedAt(steps.length);
    const token = sampled(logits, temperature, number("top-k", vocab.length), random, unk);
    read(vocab[token], steps.length ? undefined : opened);
    box.value += vocab[token];
    box.scrollTop = box.scrollHeight;
    draw();
    goTo(steps.length);
    await pause();
    if (mine !== latest) return;
  }
  finish();
  tell("polite");
};

document.querySelector("form").addEventListener("submit", event => {
  event.preventDefault();
  if (element("go").textContent === "Stop") {
    finish();
    tell("polite");
  } else write(number("length", 1));
});
element("back").addEventListener("click", () => {
  box.value = earlier.pop();
  element("back").disabled = !earlier.length;
  refresh();
});

// The stage. What another one read is read again, and what it was writing ends.

const enter = () => {
  model = models[stages.findIndex(stage => stage.checked)] ?? models[0];
  opened = model.step(facts.opening, model.zeros).state;
  steps.length = 0;
};
for (const stage of stages) {
  stage.addEventListener("change", () => {
    enter();
    refresh("polite");
  });
}

// The unit.

for (const id of ["layer", "unit"]) {
  element(id).addEventListener("input", () => {
    for (let i = 0; i < steps.length; i++) setGates(i);
    show(here);
  });
}
element("length").max = MOST;
element("blind").textContent = blind.toFixed(1);
element("top-k").max = vocab.length - (unk !== null);
if (gates.length) {
  document.querySelector(".of-gates").append(
    "Below it are the gates of a unit, full at 1, from above: ",
    ...gates.flatMap((gate, i) => [i ? ", " : "", make("b", "", GATES[gate])]), ".");
} else document.querySelector(".of-gates").textContent = "An RNN has no gates to show.";
document.querySelector(".of-unit").hidden = !gates.length;
document.querySelector(".of-layer").hidden = facts.num_layers === 1;

for (const part of document.querySelectorAll(".live, .stages")) part.hidden = false;
// A browser may have kept the text and the stage of an earlier visit.
enter();
if (box.value) refresh();
else write(BEGINNING);
