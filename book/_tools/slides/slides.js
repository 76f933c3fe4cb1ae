// Plays a deck: one slide at a time, each as large as its window allows.

(() => {
  const WIDTH = 1280;
  const HEIGHT = 720;
  const [LEAST, MOST, CLOSE] = [0.3, 3, 0.02]; // how much a figure is enlarged
  const WORTH = 1.1; // the least gain for which another layout is taken
  const WIDTHS = [760, 960, 1160]; // of a figure with controls, before it is enlarged
  const DRAWN = "svg, img, canvas, table, pre, mjx-math, .lab-figure, label";
  const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
  const ALWAYS = new Set(["PageDown", "PageUp"]); // also from within a figure
  const HELP =
    "Arrow keys: slides. Esc: arrows leave a figure. " +
    "C: code. N: notes. S: notes in a window. F: full screen.";
  const deck = document.querySelector(".deck");
  const slides = [...deck.querySelectorAll(".slide")];
  const fitted = new WeakSet();
  let now = 0;
  let speaker = null;

  // Whether what is shown has room in its place, at the size that it has now.
  function hasRoom(slide) {
    const place = slide.querySelector(".slide-stage").getBoundingClientRect();
    const shown = slide.querySelector(".slide-shown");
    const inside = ({ left, right, top, bottom }) =>
      left >= place.left - 1 &&
      right <= place.right + 1 &&
      top >= place.top - 1 &&
      bottom <= place.bottom + 1;
    return [shown, ...shown.querySelectorAll(DRAWN)]
      .map((node) => node.getBoundingClientRect())
      .every((box) => !box.width || inside(box));
  }

  // The largest size at which it has; gives it, and how wide a picture then is.
  function enlarge(slide) {
    const shown = slide.querySelector(".slide-shown");
    const { clientWidth } = shown.parentElement;
    const tried = (zoom) => {
      shown.style.zoom = zoom;
      shown.style.width = `${clientWidth / zoom}px`;
      return hasRoom(slide);
    };
    let [low, high] = [LEAST, MOST];
    while (high - low > CLOSE) {
      const middle = (low + high) / 2;
      if (tried(middle)) low = middle;
      else high = middle;
    }
    tried(low);
    const picture = [...shown.querySelectorAll("svg, img")].find(
      (node) => node.getBoundingClientRect().width,
    );
    return { zoom: low, wide: picture?.getBoundingClientRect().width ?? 0 };
  }

  // Text stands above the picture or beside it, and a figure with controls is laid out
  // wide or narrow: whichever lets it be larger.
  function fit(slide) {
    if (!slide.querySelector(".slide-shown > *")) return;
    const { kind } = slide.dataset;
    const places = kind === "figure" || kind === "moving" ? [false, true] : [false];
    let best = { size: 0 };
    for (const beside of places) {
      for (const width of kind === "moving" ? WIDTHS : WIDTHS.slice(0, 1)) {
        lay(slide, beside, width);
        const { zoom, wide } = enlarge(slide);
        const size = kind === "moving" ? zoom : wide;
        if (size > best.size * WORTH) best = { size, beside, width, zoom };
      }
    }
    if (!best.size) return;
    lay(slide, best.beside, best.width);
    enlarge(slide);
  }

  function lay(slide, beside, width) {
    slide.classList.toggle("beside", beside);
    slide.style.setProperty("--figure", `${width}px`);
  }

  function fitOnce(slide) {
    if (fitted.has(slide)) return;
    fitted.add(slide);
    fit(slide);
  }

  function show(number) {
    now = Math.max(0, Math.min(slides.length - 1, number));
    for (const [place, slide] of slides.entries())
      slide.classList.toggle("now", place === now);
    document.activeElement?.blur();
    fit(slides[now]);
    count.textContent = `${now + 1} / ${slides.length}`;
    history.replaceState(null, "", `#${now + 1}`);
    tellSpeaker();
  }

  function toggle(kind) {
    const part = slides[now].querySelector(`.slide-${kind}`);
    if (part) part.hidden = !part.hidden;
  }

  function tellSpeaker() {
    if (!speaker || speaker.closed) return;
    const next = slides[now + 1]?.querySelector("h2").textContent ?? "the end";
    speaker.document.body.innerHTML =
      `<p><b>${now + 1} / ${slides.length}</b>, next: ${next}</p>` +
      (slides[now].querySelector(".slide-notes")?.innerHTML ?? "");
  }

  function openSpeaker() {
    speaker = open("", "speaker", "width=760,height=640");
    if (!speaker) return; // a browser may forbid it
    speaker.document.title = "Notes";
    speaker.document.body.style.font = "20px/1.5 sans-serif";
    speaker.document.onkeydown = onKey;
    tellSpeaker();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.target.closest?.(".slide-shown, .deck-bar, .slide-code");
    if (event.key === "Escape") document.activeElement?.blur();
    else if (inside && !ALWAYS.has(event.key)) return;
    else if (event.key in STEPS) show(now + STEPS[event.key]);
    else if (event.key === " ") show(now + (event.shiftKey ? -1 : 1));
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(slides.length - 1);
    else if (event.key === "c") toggle("code");
    else if (event.key === "n") toggle("notes");
    else if (event.key === "s") openSpeaker();
    else if (event.key === "f") toggleFullScreen();
    else return;
    event.preventDefault();
  }

  function toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen();
  }

  function scale() {
    deck.style.zoom = Math.min(innerWidth / WIDTH, innerHeight / HEIGHT);
  }

  function button(text, told, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = told;
    made.setAttribute("aria-label", told);
    made.addEventListener("click", act);
    bar.append(made);
  }

  const bar = document.createElement("div");
  bar.className = "deck-bar";
  bar.title = HELP;
  const count = document.createElement("span");
  button("\u2039", "Back", () => show(now - 1));
  bar.append(count);
  button("\u203a", "On", () => show(now + 1));
  deck.append(bar);

  addEventListener("keydown", onKey);
  addEventListener("resize", scale);
  addEventListener("hashchange", () => show(Number(location.hash.slice(1)) - 1));
  addEventListener("beforeprint", () => {
    deck.style.zoom = 1;
    slides.forEach(fitOnce);
  });
  addEventListener("afterprint", scale);
  scale();
  show((Number(location.hash.slice(1)) || 1) - 1);
  // Formulas and figures come after the first picture: what is seen is fitted again.
  // In a figure that is being played nothing moves, unless it has grown too large.
  const played = new WeakSet();
  const grown = new ResizeObserver(() => {
    if (!played.has(slides[now]) || !hasRoom(slides[now])) fit(slides[now]);
  });
  for (const node of deck.querySelectorAll(".slide-shown > *")) grown.observe(node);
  for (const kind of ["pointerdown", "keydown"]) {
    deck.addEventListener(
      kind,
      ({ target }) => {
        if (target.closest(".slide-shown")) played.add(slides[now]);
      },
      true,
    );
  }
})();
