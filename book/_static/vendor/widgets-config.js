// Loaded between require.js and embed-amd.js: every widget module comes from this
// folder, none from the network, also on file://.
(function () {
  const base = document.currentScript.src.replace(/[^\/]*$/, "");
  const manager = base + "html-manager/dist/";
  requirejs.config({
    paths: {
      anywidget: base + "anywidget",
      // Only tells embed-amd.js where its fonts are.
      "@jupyter-widgets/html-manager": manager + "index",
      "@jupyter-widgets/html-manager/dist/libembed-amd": manager + "libembed-amd",
    },
  });

  // Firefox calls a file's origin "null", which embed-amd.js takes for a folder.
  if (location.protocol === "file:" && location.origin === "null") {
    const { get } = Object.getOwnPropertyDescriptor(URL.prototype, "origin");
    Object.defineProperty(URL.prototype, "origin", {
      configurable: true,
      get() { return this.protocol === "file:" ? "file://" : get.call(this); },
    });
  }

  // ipywidgets calls MathJax 2 for every label; the pages have MathJax 3.
  document.addEventListener("DOMContentLoaded", function () {
    const mathjax = window.MathJax;
    if (!mathjax || !mathjax.startup) return;
    mathjax.Hub = {
      Queue: ([, , element]) =>
        mathjax.startup.promise.then(() => mathjax.typesetPromise([element])),
    };
  });
})();
