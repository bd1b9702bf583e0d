// Live patches as the kernel's build makes them, without a kernel: gcc lays the structures out, of a size as of 6.1.
import { readFileSync, writeFileSync } from "node:fs";
import { defined } from "../defined.ts";
import { tool } from "../tool.ts";

/** An entry of a klp_func table. */
interface PatchedFunction {
  /** Of vmlinux unless it names a module. */
  readonly object?: string;
  readonly name: string;
  readonly position: number;
}

export interface LivePatchPlan {
  readonly functions: readonly PatchedFunction[];
  /** Names of symbols in relocations of one section, `.klp.sym.vmlinux.name,1` and others, by the section's new name. */
  readonly relocations?: Readonly<Record<string, readonly string[]>>;
  /** KLP_SYMPOS entries by the object of their KLP_MODULE_RELOC. */
  readonly positions?: Readonly<Record<string, readonly (readonly [symbol: string, position: number])[]>>;
  /** Functions that it calls. */
  readonly calls?: readonly string[];
  readonly modinfo?: readonly string[];
  /** Names that are not to be marked SHN_LIVEPATCH, or SHF_RELA_LIVEPATCH. */
  readonly unmarked?: readonly string[];
}

const KERNEL = "6.12.0-sample";
const SHN_LIVEPATCH = 0xff20;
const SHF_RELA_LIVEPATCH = 0x00100000;

function source({
  functions,
  positions = {},
  calls = [],
  modinfo = [],
  relocations = {},
}: LivePatchPlan): string {
  const objects = [...new Set(functions.map(({ object }) => object))];
  const tables = objects.map((object, i) => {
    const entries = functions
      .filter((each) => each.object === object)
      .map(
        ({ name, position }) =>
          `{ .old_name = "${name}", .new_func = replacement, .old_sympos = ${position} },`,
      );
    return `static struct klp_func functions_${i}[] = { ${entries.join(" ")} {} };`;
  });
  const list = objects.map(
    (object, i) =>
      `{ ${object === undefined ? "" : `.name = "${object}", `}.funcs = functions_${i}, .pre = ready },`,
  );
  const relocs = Object.entries(positions).map(([object, entries]) => {
    const words = entries.map(([symbol, position]) => `.quad ${symbol}\\n.long ${position}\\n`).join("");
    return `asm(".pushsection .klp.module_relocs.${object},\\"a\\"\\n${words}.popsection");`;
  });
  const sections = Object.entries(relocations).map(([name, symbols], i) => {
    const quads = symbols.map((symbol) => `.quad \\"${symbol}\\"\\n`).join("");
    return `asm(".pushsection \\"${name}\\",\\"\\"\\n.section .data.klp${i},\\"aw\\"\\n${quads}.popsection");`;
  });
  return `
struct klp_func { const char *old_name; void *new_func; unsigned long old_sympos; void *old_func; char rest[136]; };
struct klp_object { const char *name; struct klp_func *funcs; int (*pre)(void); void *callbacks[3]; char rest[104]; };
struct klp_patch { void *mod; struct klp_object *objs; unsigned char replace; char rest[128]; };
extern char __this_module[];
static struct { void *owner; long (*read)(void); } operations = { __this_module, 0 };
${calls.map((name) => `extern void ${name}(void);`).join("\n")}
static int replacement(void) { ${calls.map((name) => `${name}();`).join(" ")} return 1; }
static int ready(void) { return 0; }
${tables.join("\n")}
static struct klp_object objects[] = { ${list.join(" ")} {} };
static struct klp_patch patch = { .mod = __this_module, .objs = objects };
void *init_module(void) { return &operations.owner == 0 ? 0 : (void *)&patch; }
${relocs.join("\n")}
${sections.join("\n")}
#define INFO(n, text) static const char info##n[] __attribute__((used, section(".modinfo"), aligned(1))) = text
${[`vermagic=${KERNEL} SMP`, "livepatch=Y", ...modinfo].map((text, i) => `INFO(${i}, "${text}");`).join("\n")}
`;
}

/** Builds a live patch at a path. */
export function buildLivePatch(path: string, plan: LivePatchPlan): string {
  tool(
    "gcc",
    ["-O2", "-ffreestanding", "-fno-pic", "-mcmodel=kernel", "-c", "-o", path, "-x", "c", "-"],
    source(plan),
  );
  const bytes = readFileSync(path);
  Object.keys(plan.relocations ?? {}).forEach((name, i) => {
    makeLivePatchSection(bytes, `.rela.data.klp${i}`, name, plan.unmarked ?? []);
  });
  markSymbols(bytes, plan.unmarked ?? []);
  writeFileSync(path, bytes);
  return path;
}

/** Where the header of each section stands in an ELF64 file, with its name. */
function sectionHeaders(bytes: Buffer): { at: number; name: string; nameOffset: number }[] {
  const start = Number(bytes.readBigUInt64LE(0x28));
  const headers = Array.from({ length: bytes.readUInt16LE(0x3c) }, (_, i) => start + 64 * i);
  const ofNames = defined(headers[bytes.readUInt16LE(0x3e)], "section of the sections' names");
  const names = Number(bytes.readBigUInt64LE(ofNames + 24));
  return headers.map((at) => {
    const nameOffset = bytes.readUInt32LE(at);
    return { at, nameOffset, name: stringAt(bytes, names + nameOffset) };
  });
}

function stringAt(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}

/** Gives a section of relocations the name of another section, and the flag of live patches. */
function makeLivePatchSection(bytes: Buffer, old: string, name: string, unmarked: readonly string[]): void {
  const headers = sectionHeaders(bytes);
  const section = headers.find((header) => header.name === old);
  const named = headers.find((header) => header.name === name);
  if (section === undefined || named === undefined) throw new Error(`no section ${old} or ${name}`);
  bytes.writeUInt32LE(named.nameOffset, section.at);
  if (unmarked.includes(name)) return;
  bytes.writeBigUInt64LE(bytes.readBigUInt64LE(section.at + 8) | BigInt(SHF_RELA_LIVEPATCH), section.at + 8);
}

function markSymbols(bytes: Buffer, unmarked: readonly string[]): void {
  const headers = sectionHeaders(bytes);
  const symtab = headers.find(({ name }) => name === ".symtab");
  const strtab = headers.find(({ name }) => name === ".strtab");
  if (symtab === undefined || strtab === undefined) throw new Error("no symbol table");
  const word = (at: number) => Number(bytes.readBigUInt64LE(at));
  const [start, size, strings] = [word(symtab.at + 24), word(symtab.at + 32), word(strtab.at + 24)];
  for (let at = start; at < start + size; at += 24) {
    const name = stringAt(bytes, strings + bytes.readUInt32LE(at));
    if (name.startsWith(".klp.sym.") && !unmarked.includes(name)) bytes.writeUInt16LE(SHN_LIVEPATCH, at + 6);
  }
}
