// The page that `kas-alias diff --format html` writes: it draws the counts and shows the changes as a table.
import { at } from "../../checked-index.ts";
import { columns, draw, element } from "./cells.ts";
import type { PageData } from "./page-data.ts";
import { type PageSymbol, readSymbols } from "./symbols.ts";
import { virtualRows } from "./virtual-rows.ts";

const data: PageData = JSON.parse(byId("data").textContent ?? "");
const symbols = readSymbols(data);
const listed = new Set(symbols.map(({ group }) => group));

/** The state of filters and sorting. */
const wanted = {
  groups: new Set(listed),
  terms: [] as string[],
  object: "",
  reason: "",
  positionChanged: false,
  /** An index into the columns, and 1 or -1. */
  sort: { column: -1, direction: 1 },
};

let shown: readonly PageSymbol[] = symbols;
let chosen: PageSymbol | undefined;
const grid = byId("grid");
const rows = virtualRows(byId("scroller"), byId("rows"), (index) => {
  const symbol = at(shown, index);
  const row = draw(symbol, data.groups[symbol.group]?.name ?? "");
  row.id = `row-${index}`;
  row.ariaRowIndex = String(index + 2);
  row.ariaSelected = String(symbol === chosen);
  row.addEventListener("click", () => choose(index));
  return row;
});

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no #${id}`);
  return found;
}

function matches(symbol: PageSymbol): boolean {
  return (
    wanted.groups.has(symbol.group) &&
    (wanted.object === "" || symbol.object === wanted.object) &&
    (wanted.reason === "" || symbol.reason === wanted.reason) &&
    (!wanted.positionChanged || symbol.positionChanged) &&
    wanted.terms.every((term) => symbol.searched.includes(term))
  );
}

function update(): void {
  const found = symbols.filter(matches);
  const { column, direction } = wanted.sort;
  const compare = columns[column]?.compare;
  if (compare) found.sort((a, b) => direction * compare(a, b) || a.index - b.index);
  shown = found;
  mark(chosen === undefined ? -1 : shown.indexOf(chosen));
  grid.ariaRowCount = String(shown.length + 1);
  byId("none").hidden = shown.length > 0;
  const [part, whole] = [shown.length, symbols.length].map((count) => count.toLocaleString("en"));
  byId("shown").textContent = part === whole ? `${whole} listed` : `${part} of ${whole}`;
  rows.show(shown.length);
}

/** Selects a row; -1 for none. */
function choose(index: number): void {
  mark(index);
  rows.redraw();
  if (index !== -1) rows.reveal(index);
}

/** Shows the details of a row. */
function mark(index: number): void {
  chosen = shown[index];
  const detail = byId("detail");
  detail.hidden = chosen === undefined;
  if (chosen === undefined) {
    grid.removeAttribute("aria-activedescendant");
  } else {
    grid.setAttribute("aria-activedescendant", `row-${index}`);
    detail.replaceChildren(...details(chosen));
  }
}

function details(symbol: PageSymbol): HTMLElement[] {
  const group = data.groups[symbol.group];
  const title = element("h2", "code", `${symbol.name} `);
  const word = element("span", "group", group?.name ?? "");
  word.style.setProperty("--color", `var(--${group?.name})`);
  title.append(word, element("span", "why", [` in ${symbol.object}`, symbol.why].filter(Boolean).join(", ")));
  const sides = element("div", "sides");
  sides.style.setProperty("--color", `var(--${group?.name})`);
  for (const [i, side] of [symbol.old, symbol.new].entries()) {
    const other = i === 0 ? symbol.new : symbol.old;
    const box = element("div");
    box.append(element("h3", "", data.kernels[i] ?? ""));
    const list = element("dl");
    if (side === null) list.append(element("dt", "", "not in this table"));
    for (const key of side === null ? [] : (["name", "alias", "file", "line", "unit", "sympos"] as const)) {
      const value = side?.[key];
      const differs = other !== null && other[key] !== value;
      list.append(element("dt", "", key), element("dd", differs ? "differs" : "", String(value ?? "–")));
    }
    box.append(list);
    sides.append(box);
  }
  const uses = symbol.uses.length > 0 ? [element("p", "", `Used in ${symbol.uses.join(", ")}`)] : [];
  return [title, sides, ...uses];
}

function drawCounts(): void {
  const total = data.groups.reduce((sum, { count }) => sum + count, 0);
  const bar = byId("bar");
  bar.role = "img";
  bar.ariaLabel = data.groups.map(({ words, count }) => `${words}: ${count}`).join(", ");
  for (const [i, { name, words, count }] of data.groups.entries()) {
    const share = ((100 * count) / total).toFixed(1);
    if (count > 0) {
      const part = element("span");
      part.style.setProperty("--color", `var(--${name})`);
      part.style.flexGrow = String(count);
      part.title = `${words}: ${count.toLocaleString("en")}, ${share} %`;
      bar.append(part);
    }
    const button = element("button") as HTMLButtonElement;
    button.type = "button";
    button.style.setProperty("--color", `var(--${name})`);
    button.append(element("b", "", count.toLocaleString("en")), element("span", "", words));
    button.disabled = !listed.has(i);
    button.ariaPressed = String(listed.has(i));
    if (count > 0 && !listed.has(i)) button.title = `not listed: --only ${name} lists them`;
    button.addEventListener("click", () => {
      if (!wanted.groups.delete(i)) wanted.groups.add(i);
      button.ariaPressed = String(wanted.groups.has(i));
      update();
    });
    byId("groups").append(button);
  }
}

function drawHead(): void {
  for (const [i, { title }] of columns.entries()) {
    const cell = element("th");
    cell.role = "columnheader";
    cell.ariaSort = "none";
    const button = element("button", "", title) as HTMLButtonElement;
    button.type = "button";
    button.addEventListener("click", () => {
      const { sort } = wanted;
      wanted.sort = { column: i, direction: sort.column === i ? -sort.direction : 1 };
      for (const [k, other] of [...byId("head").children].entries()) {
        other.ariaSort = k !== i ? "none" : wanted.sort.direction === 1 ? "ascending" : "descending";
      }
      update();
    });
    cell.append(button);
    byId("head").append(cell);
  }
}

/** Fills a drop-down list with the values that occur, and their counts. */
function drawChoice(id: "object" | "reason", textOf: (symbol: PageSymbol) => string): void {
  const counts = new Map<string, number>();
  for (const symbol of symbols) {
    const value = textOf(symbol);
    if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const select = byId(id) as HTMLSelectElement;
  const first = (value: string) => Number(value !== "vmlinux");
  const values = [...counts].sort(([a], [b]) => first(a) - first(b) || (a < b ? -1 : 1));
  for (const [value, count] of values) {
    select.append(new Option(`${value} (${count.toLocaleString("en")})`, value));
  }
  select.hidden = values.length < 2;
  select.addEventListener("change", () => {
    wanted[id] = select.value;
    update();
  });
}

function listen(): void {
  const search = byId("search") as HTMLInputElement;
  const position = byId("sympos") as HTMLInputElement;
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", () => {
    wanted.terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    update();
  });
  position.addEventListener("change", () => {
    wanted.positionChanged = position.checked;
    update();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && shown.length > 0) {
      grid.focus({ preventScroll: true });
      choose(0);
      event.preventDefault();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === search || event.ctrlKey || event.metaKey || event.altKey)
      return;
    search.focus();
    search.select();
    event.preventDefault();
  });
  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid) return;
    const at = chosen === undefined ? -1 : shown.indexOf(chosen);
    const page = Math.max(1, rows.visible() - 1);
    const targets: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: shown.length - 1,
    };
    const target = targets[event.key];
    if (event.key === "Escape") choose(-1);
    else if (target === undefined || shown.length === 0) return;
    else choose(Math.max(0, Math.min(shown.length - 1, target)));
    event.preventDefault();
  });
}

const [oldKernel, newKernel] = data.kernels;
document.title = `${oldKernel} → ${newKernel}`;
byId("old-kernel").textContent = oldKernel;
byId("new-kernel").textContent = newKernel;
byId("facts").textContent = data.facts;
byId("notes").append(...data.notes.map((note) => element("p", "", note)));
byId("head").role = "row";
byId("head").ariaRowIndex = "1";
grid.role = "grid";
grid.tabIndex = 0;
grid.ariaColCount = String(columns.length);
drawCounts();
drawHead();
drawChoice("object", ({ object }) => object);
drawChoice("reason", ({ reason }) => reason);
listen();
update();
