"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const items = [...document.querySelectorAll("article")];
  const buttons = [...document.querySelectorAll("[data-filter]")];
  const selects = [...document.querySelectorAll(".filters select")];
  const search = byId("search");
  const reused = byId("reused");
  const texts = new Map();
  let verdict = "";

  const textOf = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = selects.map((s) => s.value).filter(Boolean);
    let count = 0;
    for (const item of items) {
      const has = item.dataset.has.split(" ");
      const show =
        (!verdict || item.dataset.verdict === verdict) &&
        (!reused.checked || item.dataset.reused === "1") &&
        wanted.every((w) => has.includes(w)) &&
        words.every((w) => textOf(item).includes(w));
      item.hidden = !show;
      count += show ? 1 : 0;
    }
    byId("shown").textContent =
      count === items.length ? `${count} shown` : `${count} of ${items.length}`;
    byId("none").hidden = count > 0 || items.length === 0;
  };

  const choose = (name) => {
    verdict = name;
    for (const b of buttons) b.setAttribute("aria-pressed", String(b.dataset.filter === name));
    filter();
  };

  const reset = () => {
    search.value = "";
    reused.checked = false;
    for (const s of selects) s.value = "";
    choose("");
  };

  // A step lights up its boxes and its line of the program; a box lights up its steps.
  const light = (item, steps) => {
    item.classList.toggle("lit", steps.length > 0);
    const lines = new Set();
    for (const row of item.querySelectorAll("[data-step]")) {
      const on = steps.includes(row.dataset.step);
      row.classList.toggle("on", on);
      if (on) lines.add(row.dataset.at);
    }
    for (const box of item.querySelectorAll("[data-steps]"))
      box.classList.toggle("on", box.dataset.steps.split(" ").some((s) => steps.includes(s)));
    for (const line of item.querySelectorAll("[data-line]"))
      line.classList.toggle("on", lines.has(line.dataset.line));
  };

  let litItem = null;
  let litSteps = "";
  document.addEventListener("pointerover", (event) => {
    const item = event.target.closest("article");
    const row = event.target.closest("[data-step]");
    const box = event.target.closest("[data-steps]");
    const steps = row ? row.dataset.step : box ? box.dataset.steps : "";
    if (item === litItem && steps === litSteps) return;
    if (litItem && litItem !== item) light(litItem, []);
    if (item) light(item, steps ? steps.split(" ") : []);
    litItem = item;
    litSteps = steps;
  });

  document.addEventListener("click", (event) => {
    const figure = event.target.closest("svg.figure");
    if (figure) figure.closest("article").classList.toggle("large");
  });

  const move = (by) => {
    const shown = items.filter((i) => !i.hidden);
    if (!shown.length) return;
    const bar = document.querySelector(".filters").getBoundingClientRect().bottom;
    let at = shown.indexOf(document.activeElement.closest("article"));
    if (at < 0) {
      at = shown.findIndex((i) => i.getBoundingClientRect().bottom > bar);
      if (at < 0) at = shown.length;
      at -= by > 0 ? 1 : 0;
    }
    const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "start" });
  };

  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("vprog-theme");
      localStorage.setItem("vprog-theme", value);
    } catch {
      // A page from a file may have no storage; the choice then lasts as long as the page.
    }
    return null;
  };

  const turn = () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    stored(root.dataset.theme);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (document.activeElement === search && search.value) search.value = "";
      else document.activeElement.blur();
      filter();
      return;
    }
    if (event.target.closest("input[type=search], select")) return;
    const keys = { j: () => move(1), k: () => move(-1), t: turn, "/": () => search.focus() };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  const theme = stored();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  for (const b of buttons) b.addEventListener("click", () => choose(b.dataset.filter));
  for (const s of selects) s.addEventListener("change", filter);
  search.addEventListener("input", filter);
  reused.addEventListener("change", filter);
  byId("theme").addEventListener("click", turn);
  byId("reset").addEventListener("click", reset);
  document.querySelector(".filters").hidden = false;
  reset();
})();
