// What a link leads to, in a card beside it: while a mouse is on it, or when keys have
// reached it. A finger follows the link as ever. Prose of other pages is in EXCERPTS,
// loaded when it is first asked for: see _ext/excerpts.py.

(() => {
  const LINKS = ".bd-article a.reference.internal";
  const [WAIT, LINGER, LONG, GAP] = [150, 250, 320, 6]; // ms, ms, letters, px
  const home = document.currentScript.src.replace(/[^/]*$/, "");
  let card, shown, timer, excerpts;

  function paragraph(text, kind = "") {
    const told = document.createElement("p");
    told.className = kind;
    told.textContent = text;
    return told;
  }

  function cut(text) {
    if (text.length <= LONG) return text;
    return `${text.slice(0, text.lastIndexOf(" ", LONG))} \u2026`;
  }

  function copy(node) {
    const copied = node.cloneNode(true);
    for (const part of copied.querySelectorAll("button, .headerlink")) part.remove();
    for (const part of [copied, ...copied.querySelectorAll("[id]")]) {
      if (!part.closest("svg")) part.removeAttribute("id");
    }
    return copied;
  }

  // Of a place on this page: its formula, its picture and caption, or its first words.
  function copyOf(place) {
    const formula = place.matches(".math")
      ? place
      : place.querySelector(":scope > .math");
    if (formula) return [copy(formula)];
    if (place.matches("figure")) {
      const picture =
        place.querySelector(".tag_still :is(img, .chart)") ??
        place.querySelector(":is(img, .chart)");
      const caption = place.querySelector("figcaption p");
      return [picture, caption].filter(Boolean).map(copy);
    }
    const around = place.closest(".admonition, section");
    if (!around || around.querySelector("h1")) return [];
    const head = around.querySelector("h2, h3, h4, .admonition-title");
    const words = around.querySelector("p:not(.admonition-title)");
    return [head, words].filter(Boolean).map((node) => {
      const copied = copy(node);
      if (node !== head) return copied;
      return paragraph(copied.textContent, "preview-head");
    });
  }

  function loadExcerpts() {
    excerpts ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${home}excerpts-data.js`;
      script.onload = () => resolve(unpackExcerpts());
      script.onerror = reject;
      document.head.append(script);
    });
    return excerpts;
  }

  async function wordsOf({ pathname, hash }) {
    const pages = await loadExcerpts();
    const name = Object.keys(pages).find((page) => pathname.endsWith(`/${page}.html`));
    const sections = pages[name] ?? [];
    const section = hash ? sections.find(([anchor]) => anchor === hash) : sections[0];
    return section?.[1] ? [paragraph(cut(section[1]))] : [];
  }

  async function find(link) {
    if (link.dataset.told) return [paragraph(link.dataset.told)];
    const url = new URL(link.href);
    if (url.pathname !== location.pathname) return wordsOf(url).catch(() => []);
    const place = document.getElementById(decodeURIComponent(url.hash.slice(1)));
    return place ? copyOf(place) : [];
  }

  function makeCard() {
    card = document.createElement("div");
    card.className = "preview";
    card.id = "preview";
    card.setAttribute("role", "tooltip");
    card.addEventListener("pointerenter", () => clearTimeout(timer));
    card.addEventListener("pointerleave", () => later(hide, LINGER));
    document.body.append(card);
  }

  function put(link) {
    const around = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { width, height } = card.getBoundingClientRect();
    const wide = document.documentElement.clientWidth - width - GAP;
    const below = around.bottom + GAP;
    const fits = below + height < innerHeight || around.top < height + GAP;
    card.style.left = `${Math.max(GAP, Math.min(around.left, wide))}px`;
    card.style.top = `${fits ? below : around.top - height - GAP}px`;
  }

  async function show(link) {
    hide();
    shown = link;
    const content = await find(link);
    if (shown !== link || !content.length) return;
    if (!card) makeCard();
    card.replaceChildren(...content);
    card.hidden = false;
    link.setAttribute("aria-describedby", card.id);
    put(link);
  }

  function hide() {
    clearTimeout(timer);
    shown?.removeAttribute("aria-describedby");
    shown = undefined;
    if (card) card.hidden = true;
  }

  function later(act, wait) {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  }

  function start() {
    for (const link of document.querySelectorAll(LINKS)) {
      if (link.closest(".admonition-title")) continue; // its exercise is right above
      if (link.title) {
        // of a reference, which a mouse alone would see
        link.dataset.told = link.title;
        link.removeAttribute("title");
      }
      link.addEventListener("pointerenter", (event) => {
        if (shown === link) clearTimeout(timer);
        else if (event.pointerType !== "touch") later(() => show(link), WAIT);
      });
      link.addEventListener("pointerleave", () => later(hide, LINGER));
      link.addEventListener("focus", () => {
        if (link.matches(":focus-visible")) show(link);
      });
      link.addEventListener("blur", hide);
    }
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
    addEventListener(
      "scroll",
      () => {
        if (shown && card && !card.hidden) put(shown);
      },
      { passive: true },
    );
  }
  whenRead(start);
})();
