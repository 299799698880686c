// The nearest epoch's values, by pointer, touch or keys; without this the picture stays a picture.
for (const figure of document.querySelectorAll("figure.by-epoch")) {
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const slider = figure.querySelector("input");
  const output = figure.querySelector("output");
  const { left, right, curves } = JSON.parse(figure.querySelector("script").textContent);
  const longest = Math.max(...curves.flatMap(curve => curve.runs.map(run => run.length)));

  const show = () => {
    const epoch = Number(slider.value);
    const x = left + (right - left) * (epoch - 1) / Math.max(longest - 1, 1);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    const values = curves.map(({ label, runs }) => {
      const found = runs.filter(run => run.length >= epoch).map(run => run[epoch - 1]);
      return `${label}: ${found.map(value => value.toPrecision(4)).join(", ") || "not trained"}`;
    });
    output.textContent = `${epoch}. ${values.join("; ")}`;
  };
  slider.max = longest;
  slider.addEventListener("input", show);
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    slider.value = Math.round(1 + (at - left) / (right - left) * (longest - 1));
    show();
  });
  output.textContent = "move over the curves, or move the slider";
  figure.querySelector(".at").hidden = false;
}
