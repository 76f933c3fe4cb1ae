// On the search's page: below each page found, the words round what was looked for,
// and the pages that Sphinx's own search does not find: it skips numbers, and knows
// letters with accents only as they are written. The words stand in EXCERPTS and
// CODES, so that nothing is asked for: see _ext/excerpts.py.

DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // Sphinx would fetch whole pages

(() => {
  const [BEFORE, LONG] = [100, 240]; // letters
  // A name of code, a number, a word.
  const NAME = String.raw`\p{L}[\p{L}\p{N}]*(?:_[\p{L}\p{N}]+)+`;
  const NUMBER = String.raw`\p{N}[\p{L}\p{N}]*(?:[.,-][\p{L}\p{N}]+)*`;
  const WORD = new RegExp(String.raw`${NAME}|${NUMBER}|[\p{L}\p{N}]+`, "gu");
  let patterns = []; // of what is looked for, one a word
  let any; // of them

  // Letters without accents, each in its place.
  const plain = (text) =>
    [...text]
      .map((letter) => {
        const base = letter.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
        return base.length === letter.length ? base : letter;
      })
      .join("");

  // The book's words with Sphinx's own stem: "rebalanced" finds "rebalancing", and
  // "entropies" finds "entropy"; without any, those that begin so. A number is no part
  // of another.
  function patternOf(word, vocabulary) {
    const exact = word.replace(/[.]/g, "\\.");
    if (/^\p{N}/u.test(word)) {
      return String.raw`(?<![\p{N}.,])${exact}(?!\p{N}|[.,]\p{N})`;
    }
    if (word.includes("_")) return exact;
    const { stemWord } = new Stemmer();
    const stem = stemWord(word);
    const alike = vocabulary.filter((known) => stemWord(known) === stem);
    const form = alike.length ? `(?:${alike.join("|")})(?!\\p{L})` : `${stem}\\p{L}*`;
    return `(?<![\\p{L}\\p{N}])${form}`;
  }

  function readWords(pages) {
    const asked = new URLSearchParams(location.search).get("q") ?? "";
    const words = (plain(asked).match(WORD) ?? []).filter(
      (word) => word.length > 1 || /\p{N}/u.test(word),
    );
    const sections = Object.values(pages).flat();
    const all = plain(sections.map(([, ...texts]) => texts.join(" ")).join(" "));
    const vocabulary = [...new Set(all.match(/\p{L}+/gu))];
    const forms = words.map((word) => patternOf(word, vocabulary));
    patterns = forms.map((form) => new RegExp(form, "u"));
    any = words.length ? new RegExp(forms.join("|"), "gu") : /$^/g;
  }

  const count = ([, text, title = ""]) =>
    patterns.filter((p) => p.test(plain(`${title} ${text}`))).length;

  // The section that the address names, else the first one with most of the words.
  function choose(sections, anchor) {
    const named = sections.filter((section) => anchor && section[0] === anchor);
    const best = (among) => {
      const counts = among.map(count);
      return among[counts.indexOf(Math.max(...counts))];
    };
    return named.some(count) ? best(named) : best(sections);
  }

  // Below its heading, if that holds a word which the text has not.
  function textOf([, text, title = ""]) {
    const [given, named] = [plain(text), plain(title)];
    const needs = patterns.some((p) => p.test(named) && !p.test(given));
    return needs ? `${title}: ${text}` : text;
  }

  function cut(text) {
    const first = plain(text).search(new RegExp(any.source, "u"));
    const from = Math.max(0, first - BEFORE);
    const start = from ? text.indexOf(" ", from) + 1 : 0;
    const more = start + LONG < text.length;
    const piece = more
      ? `${text.slice(start, text.lastIndexOf(" ", start + LONG))} \u2026`
      : text.slice(start);
    return `${start ? "\u2026 " : ""}${piece}`;
  }

  function mark(piece) {
    const told = document.createElement("p");
    told.className = "context";
    let done = 0;
    for (const { 0: seen, index } of plain(piece).matchAll(any)) {
      const found = document.createElement("strong");
      found.textContent = piece.slice(index, index + seen.length);
      told.append(piece.slice(done, index), found);
      done = index + seen.length;
    }
    told.append(piece.slice(done));
    return told;
  }

  function tell(pages, item) {
    const link = item.querySelector("a");
    // A span tells of a name of the library.
    if (!link || item.querySelector(":scope > :is(span, .context)")) return;
    const { pathname, hash } = new URL(link.href);
    const name = Object.keys(pages).find((page) => pathname.endsWith(`/${page}.html`));
    const piece = name ? cut(textOf(choose(pages[name], hash))) : "";
    // Nothing is better than a passage without what was looked for.
    if (patterns.some((p) => p.test(plain(piece)))) item.append(mark(piece));
  }

  // Pages that hold all the words and were not found: as items of the list.
  function addMissed(pages, place) {
    const links = [...place.querySelectorAll("li > a")].map((link) => link.href);
    const { docnames, titles } = Search._index;
    const list =
      place.querySelector("ul.search") ??
      place.appendChild(document.createElement("ul"));
    list.classList.add("search");
    let added = 0;
    for (const [name, sections] of Object.entries(pages)) {
      const address = new URL(`${name}.html`, location.href).href;
      if (links.some((link) => link.split(/[?#]/)[0] === address)) continue;
      const whole = plain(
        sections.map(([, text, title = ""]) => `${title} ${text}`).join(" "),
      );
      if (!patterns.length || !patterns.every((p) => p.test(whole))) continue;
      const link = document.createElement("a");
      link.href = `${address}${choose(sections, "")[0]}`;
      link.textContent = titles[docnames.indexOf(name)].replace(/<[^>]*>/g, "");
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
      added += 1;
    }
    const summary = place.querySelector(".search-summary");
    const total = place.querySelectorAll("li").length;
    if (added && summary) {
      summary.textContent = `Search finished, found ${total} page(s) matching the search query.`;
    }
  }

  // A page is left out where one of its terms was found, with the same passage.
  function leaveTwins(place) {
    const seen = new Set();
    for (const item of place.querySelectorAll("li:has(> p.context)")) {
      const { pathname, hash } = new URL(item.querySelector("a").href);
      const told = `${pathname} ${item.querySelector("p.context").textContent}`;
      if (hash) seen.add(told);
      else if (seen.has(told)) item.hidden = true;
    }
  }

  whenRead(async () => {
    const place = document.getElementById("search-results");
    if (!place) return;
    const [pages, codes] = await Promise.all([unpackExcerpts(), unpackExcerpts(CODES)]);
    for (const [name, code] of Object.entries(codes)) pages[name].push(...code);
    readWords(pages);
    let complete = false;
    const tellAll = () => {
      if (!complete && place.querySelector(".search-summary")?.textContent.trim()) {
        complete = true; // Sphinx has said how many it found
        addMissed(pages, place);
      }
      for (const item of place.querySelectorAll("li")) tell(pages, item);
      leaveTwins(place);
    };
    new MutationObserver(tellAll).observe(place, { childList: true, subtree: true });
    tellAll();
  });
})();
