import { GROUPS, rowOf } from "../table/diff-tables.ts";
import type { DiffReport, ListedChange } from "./diff-report.ts";
import { GROUP_WORDS, kernelOf, labelOf, positionOf, reasonCounts, reasonOf } from "./diff-words.ts";

/** GitHub takes comments of up to 65,536 characters; six groups of these fit. */
const MAX_GROUP_CHARACTERS = 10_000;

/** A difference for release notes and comments, as GitHub's Markdown. */
export function* diffAsMarkdown(report: DiffReport): Generator<string> {
  const { old, new: new_, counts, symposChanged, notes, changes } = report;
  yield `### Aliases: ${code(kernelOf(old))} → ${code(kernelOf(new_))}\n\n| symbols | | |\n| --- | --: | --- |\n`;
  for (const group of GROUPS) {
    yield `| ${GROUP_WORDS[group]} | ${counts[group]} | ${reasonCounts(report, group)} |\n`;
  }
  yield `| sympos changed, in all groups | ${symposChanged} | |\n`;
  for (const note of notes) yield `\n> ${note}\n`;
  for (const group of GROUPS) {
    const members = changes.filter((change) => change.group === group);
    if (members.length === 0) continue;
    yield `\n<details><summary>${GROUP_WORDS[group]}: ${members.length}</summary>\n\n`;
    yield "| object | old | new | |\n| --- | --- | --- | --- |\n";
    let room = MAX_GROUP_CHARACTERS;
    for (const [i, change] of members.entries()) {
      const row = tableRow(change);
      room -= row.length;
      if (room < 0) {
        yield `\n… and ${members.length - i} more: \`kas-alias diff --only ${group}\`\n`;
        break;
      }
      yield row;
    }
    yield "\n</details>\n";
  }
}

function tableRow(change: ListedChange): string {
  const { old, new: new_, uses = [] } = change;
  const [before, after] = [old, new_].map((row) => (row === null ? "" : code(labelOf(row))));
  const reason = change.other === null ? reasonOf(change) : code(reasonOf(change));
  const where = uses.map(({ file, line }) => code(`${file}:${line}`)).join(" ");
  const remarks = [positionOf(change), reason, where].filter(Boolean).join(", ");
  return `| ${code(rowOf(change).object)} | ${before} | ${after} | ${remarks} |\n`;
}

/** A code span in a table cell: fenced with more backticks than any run in the text, with escaped bars. */
function code(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(0, ...runs.map(({ length }) => length)) + 1);
  const pad = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${pad}${text.replaceAll("|", "\\|")}${pad}${fence}`;
}
