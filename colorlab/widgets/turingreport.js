// What the reader of the Turing test is told at its end.

const Z = 1.959963984540054; // standard errors on each side hold 95 %
const percent = (rate) => `${Math.round(100 * rate)}\u00a0%`;

// As colorlab.turing.rate_interval: Wilson's.
export function rateInterval(successes, trials) {
  const rate = successes / trials;
  const share = Z ** 2 / trials;
  const middle = (rate + share / 2) / (1 + share);
  const half = (Z * Math.sqrt((rate * (1 - rate) + share / 4) / trials)) / (1 + share);
  return [rate, Math.min(rate, middle - half), Math.max(rate, middle + half)];
}

function inWords(rate, low, high, trials, paper) {
  const coin =
    high < 0.5
      ? "You tell the two apart better than a coin would."
      : low > 0.5
        ? "You are wrong more often than a coin: you do see a difference, but take the painted photo for the real one."
        : "That cannot be told from guessing.";
  const beside =
    high < paper
      ? "It is less than the paper\u2019s"
      : low > paper
        ? "It is more than the paper\u2019s"
        : "Your interval holds the paper\u2019s";
  return [
    `With ${trials} pairs, any true rate from ${percent(low)} to ${percent(high)} is plausible. ${coin}`,
    `${beside} ${percent(paper)}, which is of another network, other photos and many people: ` +
      "no contest, but the same question. The photos below say more than the number.",
  ];
}

function makeBar(name, rate, ends) {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${100 * rate}%`;
  const track = make("span", { class: "track" }, [fill]);
  if (ends) {
    const line = make("span", { class: "ends" });
    line.style.left = `${100 * ends[0]}%`;
    line.style.width = `${100 * (ends[1] - ends[0])}%`;
    track.append(line);
  }
  const told = ends ? `${percent(rate)} (${ends.map(percent).join(" to ")})` : percent(rate);
  return make("div", { class: "rate" }, [make("span", {}, [name]), track, make("b", {}, [told])]);
}

function makeGallery(title, trials, open) {
  const items = trials.map(({ pair }) =>
    make("figure", {}, [
      ...["real", "painted"].map((kind, i) =>
        make("span", {}, [
          make("img", { src: pair.urls[i], alt: `${pair.name}, ${kind}` }),
          make("small", {}, [kind]),
        ]),
      ),
      make("figcaption", {}, [pair.name]),
    ]),
  );
  const summary = make("summary", {}, [`${title} (${trials.length})`]);
  const fold = make("details", {}, [summary, make("div", { class: "gallery" }, items)]);
  fold.open = open;
  return fold;
}
