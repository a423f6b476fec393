"use strict";
// The reader's choice of colours, kept in this browser; without one the system's. Runs before anything is painted.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = (write) => {
    try {
      if (write) localStorage.setItem("hpo-theme", write);
      return localStorage.getItem("hpo-theme");
    } catch {
      return write ?? null; // storage is forbidden: the choice lasts as long as the page
    }
  };
  let wanted = kept();
  const theme = () => wanted ?? (dark.matches ? "dark" : "light");
  const paint = () => {
    if (wanted) root.dataset.theme = wanted;
    const button = document.getElementById("theme");
    if (button) button.textContent = theme() === "dark" ? "Light colours" : "Dark colours";
  };
  paint();
  dark.addEventListener("change", paint);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.addEventListener("click", () => {
      wanted = kept(theme() === "dark" ? "light" : "dark");
      paint();
    });
    button.hidden = false;
    paint();
  });
})();
