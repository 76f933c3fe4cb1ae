// A curtain between two colorings of one photo.

function readPictures(model) {
  const blob = bytes(model.get("pixels"));
  let at = 0;
  return model.get("lengths").map((length) => {
    const part = blob.slice(at, (at += length));
    return URL.createObjectURL(new Blob([part], { type: "image/jpeg" }));
  });
}

function makeChoice(side, names, tell) {
  const choice = make(
    "select",
    { "aria-label": `Coloring on the ${side.toLowerCase()}` },
    names.map((name, i) => make("option", { value: i }, [name])),
  );
  choice.addEventListener("change", () => tell(Number(choice.value)));
  return { row: make("label", {}, [`${side} `, choice]), choice };
}

function makeLayer(kind) {
  const image = make("img", { draggable: "false" });
  const tag = make("span", { class: "tag" });
  return { image, tag, node: make("div", { class: kind }, [image, tag]) };
}

function render({ model, el }) {
  const names = model.get("names");
  const urls = readPictures(model);
  const state = {
    share: 0.5, // of the width, from the left to the curtain
    shown: ["left", "right"].map((side) => names.indexOf(model.get(side))),
  };
  const layers = [makeLayer("over"), makeLayer("under")];
  const choices = ["Left", "Right"].map((side, i) =>
    makeChoice(side, names, (index) => choose(i, index)),
  );
  const swap = make("button", { type: "button" }, ["\u21c4 swap"]);
  swap.addEventListener("click", () => update({ shown: [...state.shown].reverse() }));
  const knob = make("span", { class: "knob", "aria-hidden": "true" }, ["\u2194"]);
  const rail = make(
    "div",
    {
      class: "rail", role: "slider", tabindex: "0", "aria-label": "Curtain",
      "aria-valuemin": "0", "aria-valuemax": "100",
    },
    [knob],
  );
  const stage = make("div", { class: "stage" }, [layers[1].node, layers[0].node, rail]);
  stage.style.aspectRatio = model.get("size").join(" / ");
  stage.style.maxWidth = `${model.get("size")[0]}px`; // not blown up

  // The other side's picture is never chosen twice: the two change places.
  function choose(i, index) {
    const shown = state.shown.map((old, j) => (j === i ? index : old));
    if (shown[0] === shown[1]) shown[1 - i] = state.shown[i];
    update({ shown });
  }

  function update(change) {
    Object.assign(state, change);
    const percent = Math.round(100 * state.share);
    state.shown.forEach((index, i) => {
      const { image, tag } = layers[i];
      if (image.src !== urls[index]) image.src = urls[index];
      image.alt = `The photo, coloring: ${names[index]}`;
      tag.textContent = i ? `${names[index]} \u25b6` : `\u25c0 ${names[index]}`;
      choices[i].choice.value = index;
    });
    layers[0].node.style.clipPath = `inset(0 ${100 - 100 * state.share}% 0 0)`;
    rail.style.left = `${100 * state.share}%`;
    const [left, right] = state.shown.map((index) => names[index]);
    rail.setAttribute("aria-valuenow", percent);
    rail.setAttribute("aria-valuetext", `${percent} % ${left}, ${100 - percent} % ${right}`);
  }

  function follow(event) {
    const box = stage.getBoundingClientRect();
    update({ share: within((event.clientX - box.left) / box.width, 0, 1) });
  }

  // How many page pixels a pointer is from the curtain.
  function distance({ clientX }) {
    const box = stage.getBoundingClientRect();
    return Math.abs(clientX - box.left - state.share * box.width);
  }

  onDrag(stage, distance, follow);
  onArrows(rail, ([x, y], fast) =>
    update({ share: within(state.share + (x + y) * (fast ? 0.1 : 0.02), 0, 1) }),
  );
  onEnds(rail, (share) => update({ share }));
  el.append(
    make("div", { class: "lab-figure curtain" }, [
      make("div", { class: "bar" }, [choices[0].row, choices[1].row, swap]),
      stage,
    ]),
  );
  update({});
  const unsettle = settle(el);
  return () => {
    unsettle();
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
