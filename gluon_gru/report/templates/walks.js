// R and Z of the chosen unit at the token under the pointer, or else at the one with the focus.
for (const section of document.querySelectorAll("section.walk")) {
  const walk = JSON.parse(section.querySelector("script").textContent);
  const tokens = [...section.querySelectorAll("[role=option]")];
  const select = section.querySelector("select");
  const readout = section.querySelector(".readout");
  let chosen = 0;

  const write = (name, value) => {
    readout.querySelector(`.${name}`).textContent = value;
  };
  const show = place => {
    const rank = Number(select.value);
    write("token", `“${tokens[place].textContent}” (${place + 1} of ${tokens.length})`);
    write("unit", walk.units[rank]);
    for (const gate of ["update", "reset"]) {
      write(gate, walk[gate][rank][place].toFixed(3));
      write(`mean_${gate}`, walk[`mean_${gate}`][place].toFixed(3));
    }
  };
  const choose = place => {
    tokens[chosen].tabIndex = -1;
    tokens[chosen].setAttribute("aria-selected", "false");
    chosen = place;
    tokens[chosen].tabIndex = 0;
    tokens[chosen].setAttribute("aria-selected", "true");
    show(chosen);
  };
  const shade = () => {
    const gate = section.querySelector("input:checked").value;
    const values = walk[gate][Number(select.value)];
    tokens.forEach((token, place) => token.style.setProperty("--v", values[place]));
    show(chosen);
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
  const text = section.querySelector(".text");
  const placeOf = target => {
    const token = target.closest("[role=option]");
    return token && Number(token.dataset.place);
  };
  text.addEventListener("focusin", event => choose(placeOf(event.target)));
  text.addEventListener("click", event => {
    const place = placeOf(event.target);
    if (place !== null) tokens[place].focus({ preventScroll: true });
  });
  text.addEventListener("pointerover", event => {
    const place = placeOf(event.target);
    if (place !== null) show(place);
  });
  text.addEventListener("pointerleave", () => show(chosen));
  text.addEventListener("keydown", event => {
    if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    tokens[keys[event.key](chosen)].focus();
  });
  select.addEventListener("change", shade);
  section.querySelector("fieldset").addEventListener("change", shade);
  section.querySelector(".controls").hidden = false;
  readout.hidden = false;
  // A browser may have kept the controls of an earlier visit.
  shade();
}
