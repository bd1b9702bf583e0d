import type { PageSymbol, SymbolSide } from "./symbols.ts";

/** A column of the table. */
interface Column {
  readonly title: string;
  readonly compare: (a: PageSymbol, b: PageSymbol) => number;
}

const texts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const places = (a: SymbolSide | null, b: SymbolSide | null) =>
  Number(a === null) - Number(b === null) ||
  texts(a?.file ?? "", b?.file ?? "") ||
  (a?.line ?? 0) - (b?.line ?? 0);

export const columns: readonly Column[] = [
  { title: "Change", compare: (a, b) => a.group - b.group },
  { title: "Object", compare: (a, b) => texts(a.object, b.object) },
  { title: "Name", compare: (a, b) => texts(a.name, b.name) },
  { title: "Old location", compare: (a, b) => places(a.old, b.old) },
  { title: "New location", compare: (a, b) => places(a.new, b.new) },
  {
    title: "Sympos",
    compare: (a, b) =>
      Number(b.positionChanged) - Number(a.positionChanged) || (a.new?.sympos ?? 0) - (b.new?.sympos ?? 0),
  },
  { title: "Why", compare: (a, b) => texts(a.why, b.why) },
];

/** A new element; its text is never parsed as markup. */
export function element(tag: string, classes = "", text = ""): HTMLElement {
  const made = document.createElement(tag);
  if (classes !== "") made.className = classes;
  if (text !== "") made.textContent = text;
  return made;
}

/** The row of a symbol. */
export function draw(symbol: PageSymbol, group: string): HTMLElement {
  const row = element("tr");
  row.role = "row";
  row.style.setProperty("--color", `var(--${group})`);
  row.append(
    cell("group", group),
    cell("code", symbol.object),
    cell("code", symbol.name),
    place(symbol.old, symbol.new),
    place(symbol.new, symbol.old),
    cell(symbol.positionChanged ? "code differs" : "code path", positions(symbol)),
    cell("why", symbol.why),
  );
  return row;
}

function cell(classes: string, text = ""): HTMLElement {
  const made = element("td", classes, text);
  made.role = "gridcell";
  if (text !== "") made.title = text;
  return made;
}

/** A location, with the parts that differ from the other one highlighted. */
function place(side: SymbolSide | null, other: SymbolSide | null): HTMLElement {
  const made = cell("code place");
  if (side === null) return made;
  const unit = side.unit === null || side.unit === side.file ? "" : side.unit;
  const line = side.line === null ? "" : `:${side.line}`;
  const differs = (key: "file" | "line" | "unit") => other !== null && other[key] !== side[key];
  made.title = `${side.file ?? "?"}${line}${unit === "" ? "" : ` in ${unit}`}`;
  made.append(
    path(side.file ?? "?", differs("file")),
    element("span", differs("line") ? "differs" : "line", line),
    ...(unit === "" ? [] : [element("span", "path in", "in"), path(unit, differs("unit"))]),
  );
  return made;
}

/** A path that is truncated at its beginning, not its end, if there is no room. */
function path(text: string, differs: boolean): HTMLElement {
  const made = element("span", differs ? "front differs" : "front path");
  made.append(element("bdi", "", text));
  return made;
}

function positions({ old, new: new_ }: PageSymbol): string {
  const [before, after] = [old?.sympos ?? new_?.sympos ?? 0, new_?.sympos ?? old?.sympos ?? 0];
  if (before === 0 && after === 0) return "";
  return before === after ? String(after) : `${before} → ${after}`;
}
