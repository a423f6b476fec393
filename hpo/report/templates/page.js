"use strict";
(() => {
  const root = document.documentElement;
  const { nonce } = document.currentScript; // a server's policy may ask for it
  const served = location.protocol !== "file:"; // beside pages that share the reader's choice of colours
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const charts = [...document.querySelectorAll("[data-chart]")];
  const swaps = charts.length ? json("swaps") : {};
  const figures = new Map(charts.map((place) => [place, json(`${place.dataset.chart}-figure`)]));

  const kept = (choice) => {
    try {
      if (choice) localStorage.setItem("hpo-theme", choice);
      return localStorage.getItem("hpo-theme");
    } catch {
      return choice ?? null; // this browser forbids it
    }
  };

  let wanted = served ? kept() : null; // what the reader chose; null: what the system says
  let printing = false;

  const theme = () => (printing ? "light" : wanted ?? (dark.matches ? "dark" : "light"));

  // A figure comes in the light colours; each is exchanged for its dark one, wherever it stands as a whole text.
  const exchanged = (value) => {
    if (typeof value === "string") return Object.hasOwn(swaps, value) ? swaps[value] : value;
    if (Array.isArray(value)) return value.map(exchanged);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, exchanged(inner)]));
    return value;
  };

  const draw = (place) => {
    const figure = figures.get(place);
    const { data, layout } = theme() === "dark" ? exchanged(figure) : structuredClone(figure);
    const width = place.clientWidth || undefined;
    const drawn = Plotly.react(place, data, { ...layout, width }, { displayModeBar: false, responsive: false });
    place.dataset.drawn = theme();
    return drawn;
  };

  const paint = () => {
    if (wanted) root.dataset.theme = wanted;
    button.textContent = theme() === "dark" ? "Light colours" : "Dark colours";
    if (window.Plotly) for (const place of charts) if (place.dataset.drawn) draw(place);
  };

  const unpack = async () => {
    const packed = atob(document.getElementById("plotly").textContent.trim());
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.nonce = nonce;
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    script.remove();
  };

  const start = async () => {
    if (!charts.length) return void (root.dataset.ready = "yes");
    try {
      await unpack();
      for (const place of charts) {
        await draw(place);
        await new Promise((next) => setTimeout(next)); // let the reader scroll meanwhile
      }
      root.dataset.ready = "yes";
    } catch (error) {
      const line = document.getElementById("undrawn");
      line.textContent = `The figures cannot be drawn in this browser (${error}). The texts and the tables tell the same.`;
      line.hidden = false;
      root.dataset.ready = "no";
    }
  };

  const print = (begins) => {
    printing = begins;
    for (const folded of document.querySelectorAll("details")) {
      if (begins && !folded.open) { folded.open = true; folded.dataset.opened = ""; }
      if (!begins && "opened" in folded.dataset) { folded.open = false; delete folded.dataset.opened; }
    }
    root.classList.toggle("printing", begins);
    if (window.Plotly) for (const place of charts) draw(place);
  };

  let last = innerWidth;
  let pending = 0;
  addEventListener("resize", () => {
    if (innerWidth === last) return; // a phone's address bar changes the height alone
    last = innerWidth;
    clearTimeout(pending);
    pending = setTimeout(paint, 120);
  });
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  dark.addEventListener("change", paint);
  button.addEventListener("click", () => {
    wanted = theme() === "dark" ? "light" : "dark";
    if (served) kept(wanted);
    paint();
  });
  button.hidden = false;
  document.getElementById("contents").open = matchMedia("(min-width: 70rem)").matches;
  paint();
  start();
})();
