// A button that shows the figures as people with a color-vision deficiency see them.
// The matrices act on linear red, green, blue: Machado, Oliveira and Fernandes 2009,
// table of severity 1.
(() => {
  const KINDS = [
    {
      id: "protan",
      told: "without red cones (protanopia)",
      matrix: [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
      ],
    },
    {
      id: "deutan",
      told: "without green cones (deuteranopia)",
      matrix: [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
      ],
    },
    {
      id: "tritan",
      told: "without blue cones (tritanopia)",
      matrix: [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
      ],
    },
  ];
  const SVG = "http://www.w3.org/2000/svg";
  const EYE =
    '<svg viewBox="0 0 24 24" width="1em" height="1em" fill="none" stroke="currentColor" ' +
    'stroke-width="2" aria-hidden="true"><path d="M2 12c4-8 16-8 20 0-4 8-16 8-20 0z"/>' +
    '<circle cx="12" cy="12" r="3"/><path d="M4 21 20 3"/></svg>';

  function makeFilters() {
    const svg = document.createElementNS(SVG, "svg");
    for (const [name, value] of Object.entries({
      width: 0,
      height: 0,
      "aria-hidden": "true",
    })) {
      svg.setAttribute(name, value);
    }
    svg.style.position = "absolute";
    for (const { id, matrix } of KINDS) {
      const filter = document.createElementNS(SVG, "filter");
      filter.id = `vision-${id}`; // works on linear light, as filters do by default
      const change = document.createElementNS(SVG, "feColorMatrix");
      change.setAttribute("type", "matrix");
      const rows = [...matrix.map((row) => [...row, 0, 0]), [0, 0, 0, 1, 0]];
      change.setAttribute("values", rows.flat().join(" "));
      filter.append(change);
      svg.append(filter);
    }
    document.body.append(svg);
  }

  function start() {
    const place = document.querySelector(".article-header-buttons");
    if (!place) return;
    const root = document.documentElement;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm vision-button";
    button.title = "Figures as with a color-vision deficiency";
    button.setAttribute("aria-label", button.title);
    button.innerHTML = EYE;
    const told = document.createElement("div");
    told.className = "vision-told";
    told.setAttribute("role", "status");
    let now = -1; // as usual
    button.addEventListener("click", () => {
      if (!document.getElementById("vision-protan")) makeFilters();
      now = now + 1 < KINDS.length ? now + 1 : -1;
      if (now < 0) delete root.dataset.vision;
      else root.dataset.vision = KINDS[now].id;
      told.textContent =
        now < 0
          ? ""
          : `Figures as seen ${KINDS[now].told}. Press the eye again for the next.`;
    });
    place.prepend(button);
    document.body.append(told);
  }

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
