"use strict";
// Everything is on the page without this script; with it the tables sort and filter, and pictures follow them.
(() => {
  const FILTER_FROM = 12;
  const MOST_CHOICES = 12;

  function make(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  const marked = (mark) => document.querySelectorAll(`[data-mark="${CSS.escape(mark)}"]`);

  // "1,234 ± 5" sorts as 1234, "144 × 24" as 144; what has no number sorts as text, and a dash comes last.
  function value(cell) {
    const text = cell.textContent.trim();
    const number = parseFloat(text.replace(/,/g, ""));
    return { text, number, empty: text === "" || text === "–" };
  }

  function compare(a, b, sign) {
    if (a.empty || b.empty) return a.empty - b.empty;
    if (!Number.isNaN(a.number) && !Number.isNaN(b.number) && a.number !== b.number) return sign * (a.number - b.number);
    return sign * a.text.localeCompare(b.text, "en", { numeric: true });
  }

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", textContent: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows].map((row) => [value(row.cells[column]), row]);
        rows.sort((a, b) => compare(a[0], b[0], descending ? -1 : 1));
        table.tBodies[0].append(...rows.map((pair) => pair[1]));
      });
    });
  }

  function filterable(table) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < FILTER_FROM) return;
    const title = table.parentElement.getAttribute("aria-label");
    const search = make("input", { type: "search", autocomplete: "off" });
    const selects = choices(table, rows);
    const shown = make("output");
    shown.setAttribute("aria-live", "polite");

    function apply() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row) => {
        const text = [...row.cells].map((c) => c.textContent).join(" ").toLowerCase();
        const fits = words.every((word) => text.includes(word))
          && selects.every(({ column, select }) => !select.value || row.cells[column].textContent.trim() === select.value);
        row.hidden = !fits;
        count += fits;
        if (row.dataset.mark) {
          marked(row.dataset.mark).forEach((e) => e.classList.contains("mark") && e.classList.toggle("off", !fits));
        }
      });
      shown.textContent = `${count} of ${rows.length} rows`;
    }

    const tools = make("div", { className: "tools" }, make("label", {}, "Filter", search));
    tools.setAttribute("role", "search");
    tools.setAttribute("aria-label", `Filter: ${title}`);
    selects.forEach(({ name, select }) => tools.append(make("label", {}, name, select)));
    tools.append(shown);
    tools.addEventListener("input", apply);
    table.parentElement.before(tools);
    apply();
  }

  // A list of values for every column to the left of the measurements that has few different ones.
  function choices(table, rows) {
    const found = [];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const values = [...new Set(rows.map((row) => row.cells[column].textContent.trim()))];
      if (!head.classList.contains("text") || values.length < 2 || values.length > Math.min(MOST_CHOICES, rows.length / 2)) return;
      const name = head.textContent;
      const options = ["", ...values].map((v) => make("option", { value: v, textContent: v || "all" }));
      found.push({ column, name, select: make("select", {}, ...options) });
    });
    return found;
  }

  // A row and its dot light up together; a click on the dot goes to the row.
  function linked() {
    const light = (event, on) => {
      const holder = event.target.closest && event.target.closest("[data-mark]");
      if (holder) marked(holder.dataset.mark).forEach((e) => e.classList.toggle("on", on));
    };
    document.addEventListener("mouseover", (event) => light(event, true));
    document.addEventListener("mouseout", (event) => light(event, false));
    document.addEventListener("click", (event) => {
      const dot = event.target.closest(".mark");
      const row = dot && [...marked(dot.dataset.mark)].find((e) => e.matches("tr"));
      if (row) row.scrollIntoView({ block: "center" });
    });
  }

  // Pictures of one title are shown one at a time.
  function pickable() {
    const groups = new Map();
    document.querySelectorAll("figure[data-choice]:not([data-choice=''])").forEach((figure) => {
      const title = figure.dataset.title;
      groups.set(title, [...(groups.get(title) || []), figure]);
    });
    groups.forEach((figures, title) => {
      if (figures.length < 2) return;
      const options = figures.map((f) => make("option", { value: f.dataset.choice, textContent: f.dataset.choice }));
      const select = make("select", {}, ...options);
      select.setAttribute("aria-label", `${title}: which one`);
      const show = () => figures.forEach((f) => {
        f.hidden = f.dataset.choice !== select.value;
        if (!f.hidden) f.querySelector("figcaption").replaceChildren(title, select);
      });
      select.addEventListener("change", () => { show(); select.focus(); });
      show();
      // On paper nothing can be picked: all of them.
      addEventListener("beforeprint", () => figures.forEach((f) => {
        f.hidden = false;
        f.querySelector("figcaption").replaceChildren(`${title}: ${f.dataset.choice}`);
      }));
      addEventListener("afterprint", show);
    });
  }

  function theme() {
    const dark = () => (document.documentElement.dataset.theme
      || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const button = make("button", { type: "button", className: "theme" });
    const label = () => { button.textContent = dark() ? "Light" : "Dark"; };
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      label();
    });
    label();
    document.querySelector("header").append(button);
  }

  document.querySelectorAll("table").forEach((table) => { filterable(table); sortable(table); });
  linked();
  pickable();
  theme();
})();
