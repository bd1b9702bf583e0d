import { at } from "../checked-index.ts";
import { groupBy } from "../grouping.ts";
import { printable } from "../printable.ts";
import { type AliasUse, replaceUses } from "../table/alias-uses.ts";
import { GROUPS, type Group, rowOf } from "../table/diff-tables.ts";
import type { DiffReport, ListedChange } from "./diff-report.ts";
import { GROUP_WORDS, kernelOf, labelOf, placeOf, positionOf, reasonCounts, reasonOf } from "./diff-words.ts";

/** Styles a text, or returns it unchanged. */
export type Paint = (style: Style, text: string) => string;
type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

const STYLES: Readonly<Record<Group, Style>> = {
  unchanged: "dim",
  moved: "yellow",
  relocated: "magenta",
  sympos: "cyan",
  added: "green",
  removed: "red",
};

/** A difference for people: counts, then the groups; empty when nothing differs. */
export function* diffAsText(report: DiffReport, paint: Paint): Generator<string> {
  const { counts, changes } = report;
  const differs = GROUPS.some((group) => group !== "unchanged" && counts[group] > 0);
  if (!differs && changes.length === 0) return;
  yield* summary(report, paint);
  if (changes.some(({ uses = [] }) => uses.length > 0)) {
    yield* usesAsText(report, paint);
    return;
  }
  for (const group of GROUPS) {
    const members = changes.filter((change) => change.group === group);
    if (members.length === 0) continue;
    yield `\n${paint("bold", `${GROUP_WORDS[group]}: ${members.length}`)}\n`;
    for (const change of members) yield `  ${changeAsText(change, paint)}\n`;
  }
}

function* summary(report: DiffReport, paint: Paint): Generator<string> {
  const { old, new: new_, counts, symposChanged, notes } = report;
  yield `${paint("bold", `${kernelOf(old)} → ${kernelOf(new_)}`)}, ${old.rows} → ${new_.rows} symbols\n\n`;
  const width = Math.max(...Object.values(counts).map((count) => String(count).length));
  for (const group of GROUPS) {
    const count = String(counts[group]).padStart(width);
    const details =
      group === "sympos" && symposChanged > counts.sympos
        ? `${symposChanged} with those of other groups`
        : reasonCounts(report, group);
    const text = `  ${count}  ${paint(STYLES[group], GROUP_WORDS[group])}`;
    yield details === "" ? `${text}\n` : `${text}${paint("dim", `: ${details}`)}\n`;
  }
  for (const note of notes) yield `\n${paint("dim", `note: ${note}`)}\n`;
}

function changeAsText(change: ListedChange, paint: Paint): string {
  const what = paint(STYLES[change.group], labels(change));
  return [rowOf(change).object, what, ...[positionOf(change), reasonOf(change)].filter(Boolean)].join("  ");
}

function labels({ group, old, new: new_ }: ListedChange): string {
  const [before, after] = group === "removed" ? [null, old] : group === "added" ? [null, new_] : [old, new_];
  if (after === null) return "";
  if (before === null || labelOf(before) === labelOf(after)) return labelOf(after);
  return `${labelOf(before)} → ${after.alias ?? placeOf(after)}`;
}

/** The lines of scripts to change, before and after. */
function* usesAsText({ changes, newAliases }: DiffReport, paint: Paint): Generator<string> {
  const newAlias = (alias: string) => {
    const [new_, more] = newAliases(alias);
    return more === undefined ? (new_ ?? null) : null;
  };
  for (const uses of linesOf(changes)) {
    const { file, line, text } = at(uses, 0);
    yield `\n${paint("bold", `${file}:${line}`)}\n`;
    yield `${paint("red", `-${printable(text)}`)}\n`;
    const replaced = replaceUses(uses, newAlias);
    if (replaced !== text) yield `${paint("green", `+${printable(replaced)}`)}\n`;
    const used = new Set(uses.map(({ alias }) => alias));
    for (const alias of used) {
      const news = newAliases(alias);
      if (news.length > 1) yield `  ${alias} is that of several symbols, now ${news.join(", ")}\n`;
    }
    for (const change of changes) {
      if (!used.has(change.old?.alias ?? "") || change.group !== "removed") continue;
      yield `  ${change.old?.alias} is gone: ${reasonOf(change)}\n`;
    }
  }
}

/** Uses to change, grouped by line. */
function linesOf(changes: readonly ListedChange[]): AliasUse[][] {
  const used = new Set(changes.flatMap(({ uses = [] }) => uses));
  const all = [...groupBy(used, ({ file, line }) => `${file}\0${line}`).values()];
  const order = new Map([...new Set(all.map((uses) => uses[0]?.file))].map((file, i) => [file, i]));
  const rank = ([use]: AliasUse[]) => order.get(use?.file) ?? 0;
  return all.sort((a, b) => rank(a) - rank(b) || (a[0]?.line ?? 0) - (b[0]?.line ?? 0));
}
