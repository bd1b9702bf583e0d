// Which input an index stands for: a file, what is changed in it, and the command that reads it.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { defined } from "../defined.ts";
import { type ElfLayout, elfLayout } from "./elf-layout.ts";
import { type Mutate, PACKED } from "./mutate-bytes.ts";
import { dwarfMutators } from "./mutate-dwarf.ts";
import { elfMutators } from "./mutate-elf.ts";
import { TEXT } from "./mutate-text.ts";
import { type Random, randomOf } from "./random.ts";

/** A run of the program in a directory that has these files, and the intact ones below seeds/. */
export interface Input {
  /** One of KINDS. */
  readonly kind: string;
  /** The name of the intact input. */
  readonly seed: string;
  readonly args: readonly string[];
  /** By path; "stdin" is the standard input. */
  readonly files: Readonly<Record<string, Buffer>>;
  /** The path of the changed file, and what it was before. */
  readonly changed: string;
  readonly intact: Buffer;
  /** The number of changes. */
  readonly changes: number;
}

interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  /** Of an ELF file. */
  readonly layout: ElfLayout | undefined;
}

interface Kind {
  /** Its share of all inputs. */
  readonly weight: number;
  /** The folder of its seeds. */
  readonly folder: string;
  /** The path of the changed file. */
  readonly file: (seed: string, random: Random) => string;
  readonly mutators: (seed: Seed) => readonly Mutate[];
  readonly args: (file: string, seed: string, random: Random) => string[];
  /** Whether the command reads the other seeds of the same first folder, beside the changed file. */
  readonly isTree?: true;
}

const some = (random: Random, probability: number, ...words: string[]) =>
  random.chance(probability) ? words : [];

/** Options of naming. */
const options = (random: Random) => [
  ...some(random, 0.4, "--data", ...some(random, 0.3, "all")),
  ...some(random, 0.3, "--signatures"),
  ...some(random, 0.3, "--location", "decl"),
  ...some(random, 0.5, "--table-scope", "all"),
  ...some(random, 0.2, "--no-default-filters"),
  ...some(random, 0.1, "--no-disambiguate"),
  ...some(random, 0.1, "--max-name-length", "40"),
  ...some(random, 0.1, "--separator", "."),
  ...some(random, 0.1, "--kallsyms-names", random.pick(["exact", "llvm", "all"])),
  ...some(random, 0.1, "--exclude", random.pick(["*show", "?*[a-z]*"])),
];

const OUT = ["-o", "out"];
const TABLE = ["--table", "table"];
const ALIAS = "name_show@drivers_rtc_sysfs_c_26";
const QUERIES = [ALIAS, "name_show", "name_show@rtc", "drivers/rtc/sysfs.c:26", "show", "begin@alpha", "x"];
const ADDRESSES = [
  "ffffffff81000040",
  "ffffffff810008f0",
  "80100040",
  "0",
  "10",
  "ffffffffffffffff",
  "c1000100",
];

const TABLES = ["gcc", "gcc", "modules", "next", "mips"];
const aTable = (random: Random) => `seeds/table/${random.pick(TABLES)}`;
const json = (random: Random) => some(random, 0.4, "--json");
const format = (random: Random, ...formats: string[]) => ["--format", random.pick(formats)];

const imageArgs: Kind["args"] = (file, seed, random) => {
  const alone = ["vmlinux", file, ...OUT, ...TABLE, ...options(random)];
  return random.pick([
    alone,
    alone,
    alone,
    ["vmlinux", "--nm", `seeds/listing/${seed}`, "--debug-file", file, ...OUT, ...TABLE, ...options(random)],
    ["vmlinux", file, "--nm", `seeds/listing/${seed}`, ...OUT, ...TABLE, ...options(random)],
    ["vmlinux", file, "--reuse-table", `seeds/table/${seed}`, ...OUT, ...TABLE],
    ["vmlinux", file, "--symbol-frequency", "seeds/frequency/modules", ...OUT, ...TABLE],
    ["resolve", file, ...ADDRESSES],
    [
      "modules",
      "seeds/module/alpha-core.ko",
      "--vmlinux",
      file,
      ...TABLE,
      "--symbol-frequency",
      "out",
      ...options(random),
    ],
    ["livepatch", "symbols-list", "--vmlinux", file, ...OUT],
    ["livepatch", "sympos", ALIAS, "--table", `seeds/table/${seed}`, "--vmlinux", file, ...OUT],
    [
      "probe",
      ALIAS,
      "--table",
      `seeds/table/${seed}`,
      "--kallsyms",
      `seeds/listing/${seed}`,
      "--notes",
      file,
    ],
  ]);
};

const moduleArgs: Kind["args"] = (file, _, random) => {
  const inject = ["--inject", "--output-dir", "copies"];
  const alone = ["modules", file, ...TABLE, ...some(random, 0.7, ...inject), ...some(random, 0.3, "--init")];
  return random.pick([
    [...alone, "--scope", "object", ...options(random)],
    [...alone, "--vmlinux", "seeds/image/gcc", ...options(random)],
    [...alone, "seeds/module/beta.ko", "--scope", "global", "--keep-going"],
    [...alone, "--symbol-frequency", "seeds/frequency/modules", "--module-prefix", "--drop-signature"],
    ["livepatch", "check", file, "--table", aTable(random), ...json(random)],
  ]);
};

const patchArgs: Kind["args"] = (file, seed, random) =>
  random.chance(0.2)
    ? moduleArgs(file, seed, random)
    : [
        "livepatch",
        "check",
        file,
        "--table",
        aTable(random),
        ...some(random, 0.3, "--against", aTable(random)),
        ...json(random),
      ];

const packedArgs: Kind["args"] = (file, seed, random) =>
  file.startsWith("image") ? imageArgs(file, "gcc", random) : moduleArgs(file, seed, random);

const tableArgs: Kind["args"] = (file, seed, random) => {
  const other = random.chance(0.3) ? `seeds/table/${seed}` : aTable(random);
  const diffFormat = format(random, "text", "json", "markdown", "html", "map");
  return random.pick([
    [
      "diff",
      file,
      other,
      "--force",
      ...OUT,
      ...diffFormat,
      ...some(random, 0.2, "--only", "moved,added,removed"),
    ],
    ["diff", other, file, "--force", ...OUT, ...diffFormat, ...some(random, 0.3, "--name", "show$")],
    ["diff", other, file, "--force", "--used-in", "seeds/script/trace.bt"],
    ["history", file, other, "--force", ...OUT, ...format(random, "text", "json")],
    ["lookup", random.pick(QUERIES), "--table", file, ...json(random), ...some(random, 0.2, "--exact")],
    [
      "probe",
      random.pick(QUERIES),
      "--table",
      file,
      "--kallsyms",
      "seeds/kallsyms/gcc",
      ...probeFormat(random),
    ],
    ["livepatch", random.pick(["sympos", "header"]), ALIAS, "--table", file, ...OUT],
    ["livepatch", "check", "seeds/patch/relocated.ko", "--table", file, ...json(random)],
    ["vmlinux", "--nm", "seeds/listing/gcc", "--reuse-table", file, ...OUT, ...TABLE],
  ]);
};

const probeFormat = (random: Random) => format(random, "kprobe-events", "address", "bpftrace");

const listingArgs: Kind["args"] = (file, seed, random) =>
  random.pick([
    ["vmlinux", "--nm", file, "--debug-file", `seeds/image/${seed}`, ...OUT, ...TABLE, ...options(random)],
    ["vmlinux", "--nm", file, "--debug-file", `seeds/image/${seed}`, ...OUT, ...TABLE, ...options(random)],
    ["vmlinux", "--nm", file, "--reuse-table", `seeds/table/${seed}`, ...OUT, ...TABLE],
  ]);

const kallsymsArgs: Kind["args"] = (file, _, random) => {
  const listing = some(
    random,
    0.2,
    "vmlinux",
    "--nm",
    file,
    "--debug-file",
    "seeds/image/gcc",
    ...OUT,
    ...TABLE,
  );
  if (listing.length > 0) return listing;
  return [
    "probe",
    random.pick(QUERIES),
    "--table",
    aTable(random),
    "--kallsyms",
    file,
    ...probeFormat(random),
  ];
};

const orderArgs: Kind["args"] = (file, _, random) =>
  random.pick([
    ["modules", "--order", file, "--scope", "object", ...TABLE, ...some(random, 0.3, "--keep-going")],
    ["livepatch", "symbols-list", "--vmlinux", "seeds/image/gcc", "--order", file, ...OUT],
  ]);

const frequencyArgs: Kind["args"] = (file, _, random) =>
  random.pick([
    ["vmlinux", "seeds/image/gcc", "--symbol-frequency", file, ...OUT, ...TABLE],
    ["modules", "seeds/module/alpha-core.ko", "--symbol-frequency", file, ...TABLE],
  ]);

const namesArgs: Kind["args"] = (file, _, random) => {
  const from = ["--from", file, "--table", aTable(random)];
  return random.pick([
    ["livepatch", "sympos", ...from, ...OUT],
    ["livepatch", "header", ...from, ...OUT],
    ["resolve", "seeds/image/gcc"],
  ]);
};

const scriptArgs: Kind["args"] = (file, _, random) => {
  const tables = ["seeds/table/gcc", random.pick(["seeds/table/next", "seeds/table/modules"])];
  return [
    "diff",
    ...tables,
    "--force",
    "--used-in",
    file,
    ...OUT,
    ...format(random, "text", "json", "html", "map"),
  ];
};

const treeArgs: Kind["args"] = (_, __, random) => [
  "kernel",
  random.pick(["install", "install", "status", "remove"]),
  "linux",
];

const buildArgs: Kind["args"] = (_, __, random) =>
  random.pick([
    ["kernel", "inject", "linux", ...TABLE, "--symbol-frequency", "out"],
    ["kernel", "inject", "linux", "--scope", "object", ...some(random, 0.5, "--data")],
    ["kernel", "wrap", "--build", "linux", ...OUT],
  ]);

const named = (name: string) => () => name;
const text = () => TEXT;
const elf = ({ layout, bytes }: Seed) => (layout === undefined ? TEXT : elfMutators(layout, bytes.length));
/** Only debug information changes, so the listing must not. */
const dwarf = ({ layout }: Seed) => (layout === undefined ? TEXT : dwarfMutators(layout));
const packedName = (seed: string) =>
  seed.replace(/^[a-z]+/, (name) => (name === "image" ? name : "alpha-core.ko"));
const inTree = (seed: string) => seed.replace(/^[^/]+/, "linux");
const perhapsStdin = (name: string) => (_: string, random: Random) => (random.chance(0.2) ? "stdin" : name);

/** The kinds of inputs by name. */
export const KINDS: Readonly<Record<string, Kind>> = {
  image: { weight: 20, folder: "image", file: named("vmlinux"), mutators: elf, args: imageArgs },
  dwarf: { weight: 20, folder: "image", file: named("vmlinux"), mutators: dwarf, args: imageArgs },
  module: { weight: 20, folder: "module", file: named("alpha-core.ko"), mutators: elf, args: moduleArgs },
  patch: { weight: 8, folder: "patch", file: named("patch.ko"), mutators: elf, args: patchArgs },
  packed: { weight: 5, folder: "packed", file: packedName, mutators: () => PACKED, args: packedArgs },
  table: { weight: 12, folder: "table", file: named("t.kas.jsonl"), mutators: text, args: tableArgs },
  listing: { weight: 6, folder: "listing", file: perhapsStdin("listing"), mutators: text, args: listingArgs },
  kallsyms: {
    weight: 3,
    folder: "kallsyms",
    file: perhapsStdin("kallsyms"),
    mutators: text,
    args: kallsymsArgs,
  },
  order: { weight: 1, folder: "order", file: named("modules.order"), mutators: text, args: orderArgs },
  frequency: {
    weight: 2,
    folder: "frequency",
    file: named("modules.symbfreq"),
    mutators: text,
    args: frequencyArgs,
  },
  names: { weight: 1, folder: "names", file: perhapsStdin("names"), mutators: text, args: namesArgs },
  script: { weight: 1, folder: "script", file: named("trace.bt"), mutators: text, args: scriptArgs },
  tree: { weight: 1, folder: "tree", file: inTree, mutators: text, args: treeArgs, isTree: true },
  build: { weight: 3, folder: "build", file: inTree, mutators: elf, args: buildArgs, isTree: true },
};

/** Seeds by folder. */
export type Seeds = ReadonlyMap<string, readonly Seed[]>;

/** Reads what buildSeeds has built. */
export function readSeeds(directory: string): Seeds {
  const seeds = new Map<string, Seed[]>();
  for (const folder of readdirSync(directory)) {
    const files = readdirSync(join(directory, folder), { recursive: true, encoding: "utf8" }).sort();
    for (const name of files) {
      const path = join(directory, folder, name);
      if (!statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      const layout = bytes.toString("latin1", 0, 4) === "\x7fELF" ? elfLayout(path, bytes) : undefined;
      seeds.set(folder, [...(seeds.get(folder) ?? []), { name, bytes, layout }]);
    }
  }
  return seeds;
}

/** Mutants do not grow beyond this, in bytes. */
const LARGEST = 1 << 22;

export interface InputPlan {
  /** The campaign's. */
  readonly seed: string;
  readonly index: number;
  readonly kinds: readonly string[];
  /** Changes to leave out, by number. */
  readonly without?: readonly number[];
  readonly isIntact?: boolean;
}

/** Makes an input: the same one for the same plan and seeds. */
export function makeInput(
  seeds: Seeds,
  { seed, index, kinds, without = [], isIntact = false }: InputPlan,
): Input {
  const random = randomOf(`${seed}/${index}`);
  const kind = random.pick(
    kinds.flatMap((name) => new Array<string>(defined(KINDS[name], name).weight).fill(name)),
  );
  const { folder, file, mutators, args, isTree } = defined(KINDS[kind], kind);
  const candidates = defined(seeds.get(folder), folder);
  const chosen = random.pick(candidates);
  const other = random.pick(candidates).bytes;
  const few = random.chance(0.7) ? 5 : 20;
  const changes = isIntact || random.chance(0.01) ? 0 : random.chance(0.5) ? 1 : 1 + random.below(few);
  const changed = file(chosen.name, random);
  const command = args(changed === "stdin" ? "-" : changed, chosen.name, random);

  let bytes: Buffer = Buffer.from(chosen.bytes);
  for (let change = 0; change < changes && bytes.length < LARGEST; change++) {
    const choices = randomOf(`${seed}/${index}/${change}`);
    if (!without.includes(change)) bytes = choices.pick(mutators(chosen))(bytes, choices, other);
  }
  const [first] = chosen.name.split("/");
  const beside = isTree ? candidates.filter(({ name }) => name.startsWith(`${first}/`)) : [];
  const files = Object.fromEntries(beside.map((each) => [file(each.name, random), each.bytes]));
  return {
    kind,
    seed: chosen.name,
    args: command,
    files: { ...files, [changed]: bytes },
    changed,
    intact: chosen.bytes,
    changes,
  };
}
