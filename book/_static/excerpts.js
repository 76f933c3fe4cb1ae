// On the search's page: below each page found, the words round what was looked for.
// They stand in EXCERPTS, so that nothing is asked for: see _ext/excerpts.py.

DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // Sphinx would fetch whole pages

(function () {
  const [BEFORE, LONG] = [100, 240]; // letters
  let words = [];

  // Sphinx's own stems: "rebalanced" finds "rebalancing".
  function readWords() {
    const stemmer = new Stemmer();
    const asked = new URLSearchParams(location.search).get("q") ?? "";
    return asked.toLowerCase().split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word.length > 1).map((word) => stemmer.stemWord(word));
  }

  // The section that the address names, else the first one with most of the words.
  function choose(sections, anchor) {
    const count = ([, text]) => words.filter((w) => text.toLowerCase().includes(w)).length;
    const named = sections.find(([name]) => name && name === anchor);
    if (named && count(named)) return named[1];
    const best = Math.max(...sections.map(count));
    return (named ?? sections.find((section) => count(section) === best))?.[1] ?? "";
  }

  function cut(text) {
    const places = words.map((word) => text.toLowerCase().indexOf(word));
    const first = Math.min(...places.filter((place) => place >= 0), text.length);
    const from = first < text.length ? Math.max(0, first - BEFORE) : 0;
    const start = from ? text.indexOf(" ", from) + 1 : 0;
    const end = start + LONG < text.length ? text.lastIndexOf(" ", start + LONG) : undefined;
    const piece = text.slice(start, end);
    return `${start ? "\u2026 " : ""}${piece}${end ? " \u2026" : ""}`;
  }

  function mark(piece) {
    const told = document.createElement("p");
    told.className = "context";
    const seen = words.length ? new RegExp(`((?:${words.join("|")})\\p{L}*)`, "giu") : /$^/;
    piece.split(seen).forEach((part, i) => {
      if (!(i % 2)) return told.append(part);
      const found = document.createElement("strong");
      found.textContent = part;
      told.append(found);
    });
    return told;
  }

  function tell(pages, item) {
    const link = item.querySelector("a");
    if (!link || item.querySelector(":scope > :is(span, .context)")) return; // a name of the library
    const { pathname, hash } = new URL(link.href);
    const name = Object.keys(pages).find((page) => pathname.endsWith(`/${page}.html`));
    const piece = name ? cut(choose(pages[name], hash)) : "";
    if (piece) item.append(mark(piece));
  }

  whenRead(async function () {
    const place = document.getElementById("search-results");
    if (!place) return;
    words = readWords();
    const pages = await unpackExcerpts();
    const tellAll = () => {
      for (const item of place.querySelectorAll("li")) tell(pages, item);
    };
    new MutationObserver(tellAll).observe(place, { childList: true, subtree: true });
    tellAll();
  });
})();
