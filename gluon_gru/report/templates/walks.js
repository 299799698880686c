// R and Z of the chosen unit at the token under the pointer, or else at the one with the focus.
for (const section of document.querySelectorAll("section.walk")) {
  const walk = JSON.parse(section.querySelector("script").textContent);
  const tokens = [...section.querySelectorAll("[role=option]")];
  const select = section.querySelector("select");
  const readout = section.querySelector(".readout");
  const text = section.querySelector(".text");

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
  const showChosen = () => show(tokens.findIndex(token => token.tabIndex === 0));
  const shade = () => {
    const gate = section.querySelector("input:checked").value;
    const values = walk[gate][Number(select.value)];
    tokens.forEach((token, place) => token.style.setProperty("--v", values[place]));
    showChosen();
  };
  roaming(text, show, showChosen);
  select.addEventListener("change", shade);
  section.querySelector("fieldset").addEventListener("change", shade);
  section.querySelector(".controls").hidden = false;
  readout.hidden = false;
  // A browser may have kept the controls of an earlier visit.
  shade();
}
