// Shows the figures with controls: the widgets' own modules, with their state from the
// page. What Jupyter brings for this weighs 3.7 MB, for widgets of every kind; all
// of the book's are anywidget's.

(() => {
  const KIND = "application/vnd.jupyter.widget";
  const NEAR = "100%"; // of the window: a figure as near as that is drawn at once

  // What a view may ask of its model, with nobody behind it.
  function makeModel({ state, buffers = [] }) {
    const values = { ...state };
    const hearers = new Map();
    const heard = (event) => {
      if (!hearers.has(event)) hearers.set(event, new Set());
      return hearers.get(event);
    };
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      values[path[0]] = new DataView(bytes.buffer);
    }
    return {
      get: (name) => values[name],
      set(name, value) {
        if (values[name] === value) return;
        values[name] = value;
        for (const hear of [...heard(`change:${name}`)]) hear();
      },
      on: (event, hear) => heard(event).add(hear),
      off: (event, hear) => heard(event).delete(hear),
      save_changes() {},
    };
  }

  const modules = new Map(); // by their text: two figures may share one
  function load(text) {
    if (!modules.has(text)) {
      const address = URL.createObjectURL(
        new Blob([text], { type: "text/javascript" }),
      );
      modules.set(text, import(address));
    }
    return modules.get(text);
  }

  const dressed = new Set();
  function dress(styles) {
    if (dressed.has(styles)) return;
    dressed.add(styles);
    const sheet = document.createElement("style");
    sheet.textContent = styles;
    document.head.append(sheet);
  }

  async function show(view, { model, given }) {
    const place = document.createElement("div");
    place.className = "widget-subarea";
    const el = document.createElement("div");
    dress(given.state._css);
    const widget = (await load(given.state._esm)).default;
    await widget.initialize?.({ model });
    view.before(place);
    place.append(el);
    await widget.render({ model, el });
  }

  function start() {
    const parts = [...document.querySelectorAll(`script[type="${KIND}-state+json"]`)];
    const states = parts.flatMap((part) =>
      Object.entries(JSON.parse(part.textContent).state),
    );
    const models = new Map(
      states
        .filter(([, given]) => given.model_name === "AnyModel")
        .map(([id, given]) => [id, { given, model: makeModel(given) }]),
    );
    const waiting = new Map(); // from a figure's place to its view
    for (const view of document.querySelectorAll(`script[type="${KIND}-view+json"]`)) {
      waiting.set(view.parentElement, view);
    }
    const showAt = (place) => {
      const view = waiting.get(place);
      waiting.delete(place);
      near.unobserve(place);
      return show(view, models.get(JSON.parse(view.textContent).model_id));
    };
    const near = new IntersectionObserver(
      (seen) => {
        for (const { target, isIntersecting } of seen) {
          if (isIntersecting && waiting.has(target)) showAt(target);
        }
      },
      { rootMargin: NEAR },
    );
    for (const place of waiting.keys()) near.observe(place);
    // The others one by one, when there is time.
    const idle = window.requestIdleCallback ?? setTimeout;
    const next = () => {
      const [place] = waiting.keys();
      if (place) showAt(place).finally(() => idle(next));
    };
    idle(next);
  }

  afterPaint(start); // see pages.js
})();
