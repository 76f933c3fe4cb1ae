// Write each part of the whole book as XHTML: see epub.py. Formulas become MathML.
() => {
  const XLINK = "http://www.w3.org/1999/xlink";
  // Return a formula as MathML, without what only MathJax reads.
  function formula(tex, display) {
    const text = MathJax.tex2mml(tex, { display });
    const math = new DOMParser().parseFromString(text, "text/xml").documentElement;
    for (const node of [math, ...math.querySelectorAll("*")]) {
      for (const { name } of [...node.attributes]) {
        if (name.startsWith("data-")) node.removeAttribute(name);
      }
    }
    math.setAttribute("alttext", tex.trim());
    return document.importNode(math, true);
  }
  for (const place of document.querySelectorAll(".math")) {
    for (const node of [...place.childNodes]) {
      const found = /^\s*\\([([])([\s\S]*)\\[)\]]\s*$/.exec(node.data ?? "");
      if (found) node.replaceWith(formula(found[2], found[1] === "["));
    }
  }
  for (const node of document.querySelectorAll(".page-number")) node.remove();
  // Not every reader knows the newer way to refer within a drawing.
  for (const node of document.querySelectorAll(":is(use, image)[href]")) {
    node.setAttributeNS(XLINK, "xlink:href", node.getAttribute("href"));
    node.removeAttribute("href");
  }
  // Nor variables: a drawing's ground is the page's.
  for (const node of document.querySelectorAll("svg [style*='var(--']")) {
    const style = node.getAttribute("style");
    node.setAttribute("style", style.replaceAll("var(--chart-ground)", "#fff"));
  }
  const write = (node) => new XMLSerializer().serializeToString(node);
  return [...document.querySelectorAll(".cover, article")].map((node) => {
    const heading = node.querySelector("h1, .cover-title").textContent.trim();
    return [node.id || "title", heading, write(node)];
  });
};
