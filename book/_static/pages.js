// What every page of the book can do beyond its text.

// What the theme tells at every start is news to nobody.
(() => {
  const IDLE = /^(\[PST\]|\[togglebutton\])/;
  for (const kind of ["log", "warn"]) {
    const tell = console[kind];
    console[kind] = (...told) => {
      if (!IDLE.test(String(told[0]))) tell.apply(console, told);
    };
  }
})();

// Formulas are set, and icons drawn, after the first picture: see _ext/light.py.
(() => {
  const home = document.currentScript.src.replace(/[^/]*$/, "");
  const load = (name) => {
    const script = document.createElement("script");
    script.src = home + name;
    document.head.append(script);
  };
  // Some formulas at a time, the nearest first, wherever the reader is by then: whoever
  // scrolls or plays meanwhile waits for no others.
  const SOME = 12;
  function setFormulas() {
    let waiting = [...document.querySelectorAll(".math, .output_area")];
    const distance = (node) => {
      const { top, bottom } = node.getBoundingClientRect();
      return Math.max(0, top - innerHeight, -bottom);
    };
    const idle = window.requestIdleCallback ?? setTimeout;
    const next = () => {
      const far = new Map(waiting.map((node) => [node, distance(node)]));
      waiting.sort((one, other) => far.get(one) - far.get(other));
      const some = waiting.slice(0, SOME);
      waiting = waiting.slice(SOME);
      if (some.length) MathJax.typesetPromise(some).then(() => idle(next));
    };
    next();
  }

  afterPaint(() => {
    if (window.MathJax) {
      const ready = () => {
        MathJax.startup.defaultReady();
        MathJax.startup.promise.then(setFormulas);
      };
      MathJax.startup = { typeset: false, ready };
      load("vendor/mathjax/tex-mml-chtml.js");
    }
    // From a folder, Firefox loads no fonts: there, a script draws the icons.
    document.fonts
      .load('900 1em "Font Awesome 6 Free"')
      .catch(() => load("scripts/fontawesome.js"));
  });
})();

// On paper the book is light.
(() => {
  const root = document.documentElement;
  let onScreen;
  addEventListener("beforeprint", () => {
    onScreen = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = onScreen;
  });
})();

// Who loads the page again, or comes back, finds what stood at the top there again.
// The browser remembers pixels, and figures and formulas above grow as they are drawn.
(() => {
  const KEY = `colorlab-place:${location.pathname}`;
  const BLOCKS = ":is(h1, h2, h3, section > :is(p, ul, ol), figure)";
  const BAR = 60; // pixels of the page's own bar, which covers the top
  const LONG = 10000; // milliseconds until all is drawn
  const [came] = performance.getEntriesByType("navigation");

  const blocks = () => [
    ...document.querySelectorAll(`.bd-article ${BLOCKS}:not(.widget-subarea *)`),
  ];
  const topOf = (node) => node.getBoundingClientRect().top;

  addEventListener("pagehide", () => {
    const all = blocks();
    const isSeen = (node) =>
      node.getClientRects().length && node.getBoundingClientRect().bottom > BAR;
    const i = all.findIndex(isSeen);
    const place = i < 0 || scrollY < 1 ? null : [i, topOf(all[i])];
    try {
      sessionStorage.setItem(KEY, JSON.stringify(place));
    } catch {
      /* a reader may forbid it */
    }
  });

  function goBack([i, top]) {
    const block = blocks()[i];
    if (!block) return;
    const put = () => scrollBy({ top: topOf(block) - top, behavior: "instant" });
    const grown = new ResizeObserver(put);
    const stop = () => {
      grown.disconnect();
      history.scrollRestoration = "auto"; // for links within the page
    };
    history.scrollRestoration = "manual";
    grown.observe(document.querySelector(".bd-article"));
    for (const act of ["wheel", "touchstart", "pointerdown", "keydown"])
      addEventListener(act, stop, { once: true, passive: true });
    setTimeout(stop, LONG);
  }

  whenRead(() => {
    if (!came || came.type === "navigate") return;
    let place = null;
    try {
      place = JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      /* a reader may forbid it */
    }
    if (place) goBack(place);
  });
})();

// A button that hides all code, on this page and the next: see _ext/light.py.
(() => {
  const root = document.documentElement;
  const KEY = "colorlab-code";
  const remember = (value) => {
    try {
      localStorage.setItem(KEY, value);
    } catch {
      /* a reader may forbid it */
    }
  };

  function start() {
    const place = document.querySelector(".article-header-buttons");
    if (!place || !document.querySelector(".bd-article .cell, .bd-article .highlight"))
      return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm code-button";
    button.innerHTML = '<span aria-hidden="true">&lt;/&gt;</span>';
    button.setAttribute("aria-label", "Hide all code");
    const tell = () => {
      const hidden = root.dataset.code === "hidden";
      button.setAttribute("aria-pressed", String(hidden));
      button.title = hidden ? "Code is hidden: show it" : "Hide all code";
    };
    button.addEventListener("click", () => {
      if (root.dataset.code) delete root.dataset.code;
      else root.dataset.code = "hidden";
      remember(root.dataset.code ?? "shown");
      tell();
    });
    tell();
    place.prepend(button);
  }
  whenRead(start);
})();

// A picture fills the window when it is clicked, or by a button beside its caption.
(() => {
  const STILL = ":is(img, svg.chart)";
  let dialog;

  function makeDialog() {
    dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    const [close, whole] = ["Close", "Whole picture"].map((name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn";
      button.textContent = name;
      return button;
    });
    whole.classList.add("fit"); // seen where the picture is wider than the window
    whole.addEventListener("click", (event) => {
      event.stopPropagation();
      const fits = dialog.classList.toggle("whole");
      whole.textContent = fits ? "Large" : "Whole picture";
    });
    const bar = document.createElement("div");
    bar.className = "actions";
    bar.append(close, whole);
    const place = document.createElement("div");
    place.className = "place";
    place.tabIndex = 0;
    dialog.append(bar, place);
    dialog.addEventListener("click", () => dialog.close());
    document.body.append(dialog);
  }

  // What was clicked comes to the middle.
  function enlarge(picture, told, { clientX, clientY } = {}) {
    if (!dialog) makeDialog();
    const copy = picture.cloneNode(true);
    const place = dialog.querySelector(".place");
    copy.removeAttribute("width");
    copy.removeAttribute("height");
    place.setAttribute("aria-label", told);
    dialog.setAttribute("aria-label", told);
    place.replaceChildren(copy);
    dialog.showModal();
    if (clientX === undefined) return;
    const { left, top, width, height } = picture.getBoundingClientRect();
    const go = () => {
      const [across, down] = [(clientX - left) / width, (clientY - top) / height];
      place.scrollLeft = across * copy.clientWidth - place.clientWidth / 2;
      place.scrollTop = down * copy.clientHeight - place.clientHeight / 2;
    };
    go();
    copy.addEventListener("load", go);
  }

  function start() {
    for (const figure of document.querySelectorAll(".bd-article figure")) {
      if (figure.querySelector(".played")) continue; // its figure has controls
      const picture = figure.querySelector(STILL);
      const caption = figure.querySelector("figcaption p");
      if (!picture || !caption) continue;
      const number = caption.querySelector(".caption-number")?.textContent.trim() ?? "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "enlarge";
      button.textContent = "Enlarge";
      button.setAttribute("aria-label", `Enlarge ${number || "this picture"}`);
      button.addEventListener("click", () => enlarge(picture, number));
      picture.addEventListener("click", (event) => enlarge(picture, number, event));
      caption.append(button);
    }
  }
  whenRead(start);
})();

// The keyboard reaches what is first to be played in one step.
whenRead(() => {
  const skip = document.getElementById("pst-skip-link");
  const figure = document.querySelector(
    ".bd-article :is(.played, .timeline, #photo-lab)",
  );
  if (!skip || !figure) return;
  figure.tabIndex = -1;
  figure.id ||= "first-figure";
  const link = document.createElement("a");
  link.href = `#${figure.id}`;
  const timeline = figure.matches(".timeline");
  link.textContent = timeline
    ? "Skip to the walk through time"
    : "Skip to the figure with controls";
  link.addEventListener("click", () => figure.focus());
  const place = skip.cloneNode();
  place.removeAttribute("id");
  place.append(link);
  skip.after(place);
});

function afterPaint(start) {
  let waits = true; // a hidden page never paints
  const once = () => {
    if (waits) start();
    waits = false;
  };
  whenRead(() => {
    requestAnimationFrame(() => setTimeout(once));
    setTimeout(once, 1000);
  });
}

// The prose of all pages, by page and section, once _ext/excerpts.py's script is loaded.
// biome-ignore lint/correctness/noUnusedVariables: other scripts of a page call it
async function unpackExcerpts(packed = EXCERPTS) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const open = new DecompressionStream("gzip");
  return new Response(new Blob([bytes]).stream().pipeThrough(open)).json();
}

function whenRead(start) {
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
}
