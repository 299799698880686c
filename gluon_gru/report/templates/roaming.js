// A text as a listbox of tokens: one stop of the Tab key, in which arrow keys go from token to token.
// show(place) is called for the token under the pointer or with the focus, back() when the pointer
// has left. The returned choose(place) makes a token the one that the Tab key comes to.
const roaming = (text, show, back) => {
  const tokens = text.getElementsByClassName("token");
  let chosen = 0;

  const mark = selected => {
    if (!tokens[chosen]) return;
    tokens[chosen].tabIndex = selected ? 0 : -1;
    tokens[chosen].setAttribute("aria-selected", selected);
  };
  const choose = place => {
    mark(false);
    chosen = place;
    mark(true);
  };
  // The token above or below: the nearest one in the first line that is another.
  const line = (place, step) => {
    const from = tokens[place].getBoundingClientRect();
    let best = place;
    let top = null;
    for (let i = place + step; tokens[i]; i += step) {
      const box = tokens[i].getBoundingClientRect();
      if (Math.abs(box.top - from.top) < 2) continue;
      if (top === null) top = box.top;
      if (Math.abs(box.top - top) >= 2) break;
      const distance = j => Math.abs(tokens[j].getBoundingClientRect().left - from.left);
      if (best === place || distance(i) < distance(best)) best = i;
    }
    return best;
  };
  const keys = {
    ArrowRight: place => Math.min(place + 1, tokens.length - 1),
    ArrowLeft: place => Math.max(place - 1, 0),
    ArrowDown: place => line(place, 1),
    ArrowUp: place => line(place, -1),
    Home: () => 0,
    End: () => tokens.length - 1,
  };
  const placeOf = target => {
    const token = target.closest(".token");
    return token && Number(token.dataset.place);
  };
  text.addEventListener("focusin", event => {
    const place = placeOf(event.target);
    if (place === null) return;
    choose(place);
    show(place);
  });
  text.addEventListener("click", event => {
    const place = placeOf(event.target);
    if (place !== null) tokens[place].focus({ preventScroll: true });
  });
  text.addEventListener("pointerover", event => {
    const place = placeOf(event.target);
    if (place !== null) show(place);
  });
  text.addEventListener("pointerleave", back);
  text.addEventListener("keydown", event => {
    const place = placeOf(event.target);
    if (place === null || !keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    tokens[keys[event.key](place)].focus();
  });
  return choose;
};
