import { printable } from "../printable.ts";
import { type Change, type ComparedRow, type Group, REASONS, type Reason } from "../table/diff-tables.ts";
import { formatPlace } from "../table/place.ts";
import type { DiffReport, ReportedTable } from "./diff-report.ts";

/** Long labels of groups. */
export const GROUP_WORDS: Readonly<Record<Group, string>> = {
  unchanged: "unchanged",
  moved: "moved",
  relocated: "relocated",
  sympos: "only sympos changed",
  added: "added",
  removed: "removed",
};

type Direction = "added" | "removed";

/** Reasons in a summary of many symbols. */
export const REASON_WORDS: Readonly<Record<Reason, Readonly<Record<Direction, string>>>> = {
  duplicated: { added: "became duplicated", removed: "no longer duplicated" },
  location: { added: "location became known", removed: "location no longer known" },
  place: { added: "elsewhere, one of several", removed: "elsewhere, one of several" },
  suffix: { added: "other compiler suffix", removed: "other compiler suffix" },
  object: { added: "entered an object", removed: "left an object" },
  namesake: { added: "one more of the name", removed: "one fewer of the name" },
  name: { added: "new name", removed: "name gone" },
  unknown: { added: "new, or became duplicated", removed: "gone, or no longer duplicated" },
};

/** The number of symbols added or removed for each reason, in words; "" for other groups. */
export function reasonCounts({ reasons }: Pick<DiffReport, "reasons">, group: Group): string {
  if (group !== "added" && group !== "removed") return "";
  const counts = REASONS.flatMap((reason) => {
    const count = reasons[group][reason];
    return count === undefined ? [] : [`${count} ${REASON_WORDS[reason][group]}`];
  });
  return counts.join("; ");
}

/** The reason why one symbol was added or removed; "" for other groups. */
export function reasonOf({ group, reason, other, old, new: new_ }: Change): string {
  if (reason === null || (group !== "added" && group !== "removed")) return "";
  const words = REASON_WORDS[reason][group];
  const added = group === "added";
  switch (reason) {
    case "duplicated": {
      const counterpart = added ? old : new_;
      return counterpart === null ? words : `${words}, ${added ? "was" : "is"} at ${placeOf(counterpart)}`;
    }
    case "suffix":
      return `${added ? "was" : "is now"} ${other}`;
    case "object":
      if (other === null) return added ? "object is new" : "object is gone";
      return `${added ? "came from" : "went to"} ${other}`;
    default:
      return words;
  }
}

/** A row's place as `file:line`, with its unit if that is another file. */
export function placeOf({ file, line, unit }: ComparedRow): string {
  if (file === null) return "an unknown place";
  const place = formatPlace(file, line);
  return printable(unit === null || unit === file ? place : `${place} in ${unit}`);
}

/** A symbol's alias, or its name and place. */
export function labelOf(row: ComparedRow): string {
  return row.alias ?? `${row.name} ${placeOf(row)}`;
}

/** `sympos 2 → 3`, or "" where the position is the same or on one side only. */
export function positionOf({ old, new: new_ }: Change): string {
  if (old === null || new_ === null || old.sympos === new_.sympos) return "";
  return `sympos ${old.sympos} → ${new_.sympos}`;
}

/** A table's kernel, or its file if that is unknown. */
export function kernelOf({ kernel, source }: ReportedTable): string {
  return printable(kernel ?? source);
}
