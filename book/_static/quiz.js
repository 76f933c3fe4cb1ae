// The questions at a chapter's end: what radio buttons and their style do not do alone.
// Arrow keys move without answering, and the first answers are counted.

(() => {
  const NEXT = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

  function start(quiz) {
    const fields = [...quiz.querySelectorAll("fieldset")];
    const count = quiz.querySelector(".quiz-count");
    const first = new Map(); // of each question, whether its first answer was right
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn quiz-again";
    again.textContent = "Start again";
    again.hidden = true;
    count.after(again);

    function tell() {
      const right = [...first.values()].filter(Boolean).length;
      const done = first.size === fields.length;
      again.hidden = !first.size;
      const answered = done
        ? `All ${fields.length} answered:`
        : `${first.size} of ${fields.length} answered,`;
      count.textContent = first.size
        ? `${answered} ${right} right at the first try.`
        : "";
    }

    function answer(field) {
      const chosen = field.querySelector(":checked");
      if (chosen && !first.has(field)) first.set(field, chosen.value === "right");
    }

    quiz.addEventListener("change", (event) => {
      answer(event.target.closest("fieldset"));
      tell();
    });

    quiz.addEventListener("keydown", (event) => {
      const step = NEXT[event.key];
      if (!step || event.target.type !== "radio") return;
      const buttons = [...event.target.closest("fieldset").querySelectorAll("input")];
      const place = buttons.indexOf(event.target) + step + buttons.length;
      event.preventDefault(); // a radio button would be chosen by being passed
      buttons[place % buttons.length].focus();
    });

    again.addEventListener("click", () => {
      for (const button of quiz.querySelectorAll(":checked")) button.checked = false;
      first.clear();
      tell();
      quiz.querySelector("input").focus();
    });

    fields.forEach(answer); // what a browser has kept
    tell();
  }

  document.querySelectorAll(".quiz").forEach(start);
})();
