// From a folder a page may not read another: the search then lists no excerpts.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// On paper the book is light.
(function () {
  const root = document.documentElement;
  let onScreen;
  addEventListener("beforeprint", function () {
    onScreen = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", function () {
    root.dataset.theme = onScreen;
  });
})();
