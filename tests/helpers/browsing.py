"""What is asked of a page in a browser."""

#: The least contrast of what is written with what is behind it, as WCAG computes it, over all
#: elements with text of their own; backgrounds that let others through are mixed with them.
CONTRASTS = """() => {
  const numbers = colour => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const behind = element => {
    const chain = [];
    for (let at = element; at; at = at.parentElement)
      chain.unshift(numbers(getComputedStyle(at).backgroundColor));
    return chain.reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const luminance = colour => {
    const [r, g, b] = colour.map(value => value / 255).map(
      value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(
      node => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("script, style, select")
        || !element.getClientRects().length) continue;
    // A cell of a heat map is behind its text, and no ancestor of it.
    if (element.matches(".map text[style]")) continue;
    const style = getComputedStyle(element);
    const below = behind(element);
    const drawn = over(numbers(element.closest("svg") ? style.fill : style.color), below);
    const [light, dark] = [luminance(drawn), luminance(below)].sort((a, b) => b - a);
    found.push([(light + 0.05) / (dark + 0.05), element.outerHTML.slice(0, 80)]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}"""


def watched(page):
    """Return a list that collects what goes wrong in a page, and what it asks for beside itself."""
    wrong = []
    for event in ("console", "pageerror", "requestfailed", "dialog"):
        page.on(event, lambda what, event=event: wrong.append((event, str(what))))
    page.on(
        "request",
        lambda request: (
            request.url.startswith("data:")
            or request.is_navigation_request()
            or wrong.append(request.url)
        ),
    )
    return wrong
