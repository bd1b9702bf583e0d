import { isInitSection } from "../elf/init-sections.ts";
import { Failure } from "../failure.ts";
import { addTo, onlyItem } from "../grouping.ts";
import { isFunction, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableHeader, TableRow } from "../table/alias-table.ts";
import type { AliasTableReader } from "../table/read-alias-table.ts";
import { formatOldSymbol, type OldSymbol, oldSymbolOf, VMLINUX } from "./old-symbol.ts";
import type { Fault, LivePatch, Reference } from "./patch-module.ts";

/** The symbols that a live patch refers to in a kernel, and its faults. */
export interface CheckedPatch {
  /** The references of the patch, each with the row of its symbol; null if unknown. */
  readonly meanings: readonly { readonly reference: Reference; readonly row: TableRow | null }[];
  readonly faults: readonly Fault[];
}

/**
 * Looks up the references of a live patch in the table of the kernel that will load it.
 *
 * @param table best written with `--table-scope all`: a table of aliases only lacks the unique names
 * @param against the table of the kernel that the patch was written for
 * @throws Failure for tables of kernels other than the one the patch was built for
 * @example
 * const patch = readLivePatch(await openPossiblyCompressed("patch.ko"));
 * const { faults } = checkPatch(patch, readAliasTable("vmlinux.kas.jsonl"));
 * for (const { subject, problem } of faults) console.log(`${subject}: ${problem}`);
 */
export function checkPatch(
  patch: LivePatch,
  table: AliasTableReader,
  against?: AliasTableReader,
): CheckedPatch {
  const { kernel } = table.header;
  const isBuiltFor = (release: string | null) => release === null || release === patch.kernel;
  // With `against`, the patch may still be built for the old kernel: this check shows whether it needs a rebuild.
  if (patch.kernel !== null && !isBuiltFor(kernel) && !(against && isBuiltFor(against.header.kernel))) {
    const problem = `is a table of ${kernel}, but ${patch.source} is built for ${patch.kernel}`;
    throw new Failure(
      "OTHER_BUILD",
      table.source,
      problem,
      "give the table of that kernel, or build the patch for this one",
    );
  }
  const symbols = readSymbols(patch, table);
  const old = against && readSymbols(patch, against);
  const meanings = patch.references.map((reference) => ({ reference, ...meaningOf(reference, symbols) }));
  const faults = [
    ...patch.faults,
    ...meanings.flatMap(({ reference, problems }) => problems.map((problem) => faultOf(reference, problem))),
    ...meanings.flatMap(({ reference, row }) => initFaults(reference, row, symbols)),
    ...repeatedFunctions(meanings),
    ...conflictingPositions(patch.references),
    ...undefinedFaults(patch, symbols),
    ...(old === undefined
      ? []
      : patch.references.flatMap((reference) => movedFaults(reference, old, symbols))),
  ];
  return { meanings: meanings.map(({ reference, row }) => ({ reference, row })), faults };
}

/** The symbols of a kernel with the names in a patch. */
interface KernelSymbols {
  readonly header: TableHeader;
  /** Whether the table also has symbols without an alias. */
  readonly isComplete: boolean;
  readonly objects: ReadonlySet<string>;
  named(object: string, name: string): readonly TableRow[];
  /** The symbols with a name in all objects. */
  everywhere(name: string): readonly TableRow[];
}

function readSymbols(patch: LivePatch, { header, rows }: AliasTableReader): KernelSymbols {
  const wanted = new Set([...patch.references.map(({ name }) => name), ...patch.undefinedNames]);
  const byName = new Map<string, TableRow[]>();
  let isComplete = false;
  for (const row of rows) {
    isComplete ||= row.alias === null;
    const { name } = oldSymbolOf(header, row);
    if (wanted.has(name)) addTo(byName, name, row);
  }
  const everywhere = (name: string) => byName.get(name) ?? [];
  return {
    header,
    isComplete,
    objects: new Set(header.objects.map(({ name }) => name)),
    named: (object, name) => everywhere(name).filter((row) => row.object === object),
    everywhere,
  };
}

function faultOf({ kind, ...symbol }: Reference, problem: string): Fault {
  return { subject: `${kind} ${formatOldSymbol(symbol)}`, problem };
}

/** The row of a reference, or the problems that prevent finding it. */
function meaningOf(
  reference: Reference,
  symbols: KernelSymbols,
): { row: TableRow | null; problems: readonly string[] } {
  const { kind, object, name, position } = reference;
  const none = (...problems: string[]) => ({ row: null, problems });
  if (!symbols.objects.has(object)) return none(`the table has no object ${object}`);
  const named = symbols.named(object, name);
  const left = named.filter((row) => !isInitSection(row.section));
  // Symbols in a module's .init sections are gone once it is loaded (initFaults); vmlinux's kallsyms keeps them.
  const rows = object === VMLINUX || left.length === 0 ? named : left;
  if (rows.length === 0) {
    if (position > 1) return none("no such position: the name has no namesakes, or none in the table");
    if (symbols.isComplete)
      return none(`there is no such symbol in ${object}${elsewhere(reference, symbols)}`);
    return none();
  }
  const duplicated = rows.some(({ sympos }) => sympos > 0);
  if (position === 0 && duplicated) return none(`is ambiguous: ${choices(rows)}`);
  const row = duplicated
    ? rows.find(({ sympos }) => sympos === position)
    : position < 2
      ? rows[0]
      : undefined;
  if (row === undefined) return none(`there is no such position: ${choices(rows)}`);
  const isCode = isFunction(kindOfRow(row));
  return { row, problems: kind === "klp_func" && !isCode ? ["is data, not a function"] : [] };
}

function elsewhere({ object, name }: OldSymbol, symbols: KernelSymbols): string {
  const others = new Set(symbols.everywhere(name).map((row) => row.object));
  others.delete(object);
  return others.size === 0 ? "" : `; ${[...others].slice(0, 3).join(", ")} has one`;
}

/** `1 is name@a_c_1, 2 is name@b_c_7` */
function choices(rows: readonly TableRow[]): string {
  return rows
    .map(({ sympos, alias, file, line }) => `${sympos} is ${alias ?? `at ${file ?? "?"}:${line ?? "?"}`}`)
    .join(", ");
}

/** The kernel has the symbols in .init sections only while it loads a module, and then frees these sections. */
function initFaults(reference: Reference, row: TableRow | null, symbols: KernelSymbols): Fault[] {
  const { kind, object, name } = reference;
  if (kind === "klp_func" && row !== null && isInitSection(row.section)) {
    return [faultOf(reference, `is in ${row.section}, which is freed after it has run`)];
  }
  if (object === VMLINUX) return [];
  const rows = symbols.named(object, name);
  const inInit = rows.find(({ section }) => isInitSection(section));
  if (inInit === undefined || rows.length < 2) return [];
  const problem = `a namesake is in ${inInit.section}: the kernel counts it while it loads ${object}, but not afterwards`;
  return [faultOf(reference, problem)];
}

function repeatedFunctions(
  meanings: readonly { readonly reference: Reference; readonly row: TableRow | null }[],
): Fault[] {
  const seen = new Set<TableRow>();
  return meanings.flatMap(({ reference, row }) => {
    if (reference.kind !== "klp_func" || row === null) return [];
    if (seen.has(row)) return [faultOf(reference, "is replaced twice")];
    seen.add(row);
    return [];
  });
}

/** Two object files of a patch that want different positions of a name share one undefined symbol once they are linked. */
function conflictingPositions(references: readonly Reference[]): Fault[] {
  const first = new Map<string, Reference>();
  return references.flatMap((reference) => {
    const { kind, object, name, position } = reference;
    if (kind !== "KLP_SYMPOS") return [];
    const earlier = first.get(name);
    first.set(name, earlier ?? reference);
    if (earlier === undefined || (earlier.position === position && earlier.object === object)) return [];
    const problem = `conflicts with ${formatOldSymbol(earlier)}: the linker has merged both into one symbol; put them into separate modules`;
    return [faultOf(reference, problem)];
  });
}

/** Static functions that a patch calls by name: the module loader cannot resolve them. */
function undefinedFaults(patch: LivePatch, symbols: KernelSymbols): Fault[] {
  const withPosition = new Set(
    patch.references.flatMap(({ kind, name }) => (kind === "KLP_SYMPOS" ? [name] : [])),
  );
  return patch.undefinedNames.flatMap((name) => {
    const rows = symbols.everywhere(name);
    const isStatic = rows.length > 0 && rows.every(({ type }) => type === type.toLowerCase());
    if (!isStatic || withPosition.has(name)) return [];
    const namesakes = rows.map(({ object, alias }) => alias ?? `${name} of ${object}`).slice(0, 3);
    return [
      {
        subject: `undefined ${name}`,
        problem: `is static (${namesakes.join(", ")}); it needs klp-convert or a .klp.sym. symbol`,
      },
    ];
  });
}

/** A reference to a different symbol than in the kernel that its patch was written for. */
function movedFaults(reference: Reference, old: KernelSymbols, now: KernelSymbols): Fault[] {
  const meant = meaningOf(reference, old).row;
  if (meant === null) return [];
  const rows = now.named(reference.object, reference.name);
  const same = rows.find(({ alias, file, unit }) =>
    meant.alias === null ? file === meant.file && unit === meant.unit : alias === meant.alias,
  );
  const there = same ?? onlyItem(rows.filter(({ file, unit }) => file === meant.file && unit === meant.unit));
  const was = meant.alias ?? `${meant.name} at ${meant.file ?? "?"}:${meant.line ?? "?"}`;
  if (there === undefined) {
    return rows.length === 0 ? [] : [faultOf(reference, `meant ${was}, which no longer exists`)];
  }
  if (there === meaningOf(reference, now).row) return [];
  return [faultOf(reference, `meant ${was}, whose position is now ${there.sympos}`)];
}
