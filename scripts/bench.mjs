// `npm run bench`: prints Markdown tables of time and memory: kas-alias, nm and three addr2line tools on real kernels; diff and history
// on large alias tables. `npm run bench -- 6.12` measures one kernel, `npm run bench -- tables` only diff and history. With
// `--against <bundle>`, the bundle of another version takes turns with this one, in place of the other tools.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensurePackages } from "./apt.mjs";
import { fetchKernels } from "./kernels.mjs";
import { BUNDLE, ensureDependencies, main, must, run, say, temporaryDirectory } from "./setup.mjs";

const TURNS = 10;
// GNU addr2line takes minutes for all text symbols.
const SLOW_TURNS = 1;
// Each run takes some seconds.
const FEW_TURNS = 3;
// A shorter command runs several times per turn, for about this time.
const TURN_SECONDS = 1;
const TABLES = 200;
const ROWS = 20_000;
const ADDR2LINES = [
  { tool: "addr2line", name: "GNU addr2line", turns: SLOW_TURNS },
  { tool: "llvm-addr2line", name: "LLVM addr2line", turns: TURNS },
  { tool: "eu-addr2line", name: "elfutils addr2line", turns: TURNS },
];

const { values, positionals } = parseArgs({
  options: { against: { type: "string" } },
  allowPositionals: true,
});
const against = values.against === undefined ? undefined : resolve(values.against);

/**
 * @typedef {object} Step one process
 * @property {string[]} command
 * @property {string} [stdin] path
 * @property {string} [stdout] path
 * @property {boolean} [different] status 1 is a success too
 *
 * @typedef {{ name: string, steps: Step[], turns: number }} Command
 */

await main(async () => {
  await ensureDependencies();
  await ensurePackages({
    nm: "binutils",
    gcc: "gcc",
    "llvm-addr2line": "llvm",
    "eu-addr2line": "elfutils",
    hyperfine: "hyperfine",
    "/usr/bin/time": "time",
  });
  const [wanted] = positionals;
  const all = await fetchKernels();
  const kernels = all.filter(({ series }) => wanted === undefined || series === wanted);
  process.stdout.write(`${await circumstances()}\n`);
  for (const { package: name, version, vmlinux, modules } of kernels) {
    process.stdout.write(`\n${name} ${version}\n\n${await compare(vmlinux, modules)}`);
  }
  if (wanted === undefined || wanted === "tables") {
    process.stdout.write(
      `\n${TABLES} tables of ${ROWS} symbols\n\n${await compareTables(all.at(-1)?.vmlinux ?? "")}`,
    );
  }
  return 0;
});

/**
 * Measures the commands that compare alias tables. The tables have the first symbols of a kernel; in each table a fortieth of them is two
 * lines lower than in the previous table.
 * @param {string} vmlinux
 */
async function compareTables(vmlinux) {
  const directory = temporaryDirectory(tmpdir());
  const kasAlias = [process.execPath, BUNDLE];
  const whole = join(directory, "whole");
  const [command = "", ...args] = [...kasAlias, "vmlinux", vmlinux, "--table", whole, "--table-scope", "all"];
  await must(command, args);
  const [header = "", ...lines] = readFileSync(whole, "utf8").trimEnd().split("\n");
  const symbols = lines.map((line) => JSON.parse(line)).filter(({ line }) => line !== null);
  const tables = Array.from({ length: TABLES }, (_, table) => {
    const rows = symbols.slice(0, ROWS).map((symbol, i) => {
      const line = symbol.line + 2 * Math.floor((table + i) / 40);
      return {
        ...symbol,
        line,
        alias: `${symbol.name}@${symbol.file.replaceAll(/\W/g, "_")}_${line}`,
        sympos: 1,
      };
    });
    const path = join(directory, `${table}.kas.jsonl`);
    const own = { ...JSON.parse(header), kernel: `6.1.${table}`, rows: rows.length };
    writeFileSync(path, [own, ...rows].map((row) => `${JSON.stringify(row)}\n`).join(""));
    return path;
  });
  const [old = "", next = ""] = [tables[0], tables.at(-1)];
  const formats = ["text", "json", "markdown", "html", "map"].map((format) => ({
    name: `\`kas-alias diff --format ${format}\``,
    // Status 1 means that there are differences.
    steps: [{ command: [...kasAlias, "diff", old, next, "--quiet", "--format", format], different: true }],
    turns: TURNS,
  }));
  const histories = ["text", "json"].map((format) => ({
    name: `\`kas-alias history --format ${format}\`, all ${TABLES}`,
    steps: [{ command: [...kasAlias, "history", ...tables, "--quiet", "--format", format] }],
    turns: FEW_TURNS,
  }));
  return [
    "| command | median | fastest – slowest | time ÷ first | peak memory | turns |",
    "| --- | --: | --: | --: | --: | --: |",
    ...(await measureGroups(directory, [formats, histories])),
    "",
  ].join("\n");
}

/** Describes the machine and the tools in one line. */
async function circumstances() {
  const tools = ["nm", ...ADDR2LINES.map(({ tool }) => tool), "hyperfine"].map(async (tool) => {
    const { stdout } = await run(tool, ["--version"], { stdio: ["ignore", "pipe", "inherit"] });
    return `${tool} ${/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0]}`;
  });
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`;
  return [machine, `Node ${process.versions.node}`, ...(await Promise.all(tools))].join("; ");
}

/**
 * Measures one kernel; returns the table.
 * @param {string} vmlinux
 * @param {string} modules directory
 */
async function compare(vmlinux, modules) {
  const directory = temporaryDirectory(tmpdir());
  const file = (/** @type {string} */ name) => join(directory, name);
  const kasAlias = [process.execPath, BUNDLE];
  const whole = [...kasAlias, "vmlinux", vmlinux, "-o", file("aliased"), "--table", file("table")];
  const [command = "", ...args] = whole;
  await must(command, args);
  const duplicates = tableAddresses(file("table"));
  const { stdout: listing } = await run("nm", ["-n", vmlinux], { stdio: ["ignore", "pipe", "inherit"] });
  const all = [...listing.matchAll(/^([0-9a-f]+) [tT] /gm)].map((match) => match[1] ?? "");
  writeFileSync(file("duplicates"), `${duplicates.join("\n")}\n`);
  writeFileSync(file("all"), `${all.join("\n")}\n`);

  const nm = { command: ["nm", "-n", vmlinux], stdout: file("listing") };
  // The package of llvm-addr2line installs a plugin of 50 MiB that nm always loads. Naming another plugin prevents this.
  const print = ["-print-file-name=liblto_plugin.so"];
  const { stdout: plugin } = await run("gcc", print, { stdio: ["ignore", "pipe", "inherit"] });
  const plainNm = { command: ["nm", "--plugin", plugin.trim(), "-n", vmlinux], stdout: file("listing") };
  const onDuplicates = ADDR2LINES.map(({ tool, name }) => ({
    name: `\`nm -n\` + ${name}`,
    steps: [nm, { command: [tool, "-e", vmlinux], stdin: file("duplicates") }],
    turns: TURNS,
  }));
  const onAll = ADDR2LINES.map(({ tool, name, turns }) => ({
    name,
    steps: [{ command: [tool, "-e", vmlinux], stdin: file("all") }],
    turns,
  }));
  const resolveAll = { command: [...kasAlias, "resolve", vmlinux], stdin: file("all") };
  const paths = readdirSync(modules, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ko"),
  );
  writeFileSync(file("modules"), paths.map((path) => `${join(modules, path)}\n`).join(""));
  const written = ["--table", file("table"), "--symbol-frequency", file("frequency")];
  const aliasModules = [...kasAlias, "modules", "--directory", modules, "--vmlinux", vmlinux];
  const kept = file("modules.kas.jsonl");
  await must(process.execPath, [...aliasModules.slice(1), "--table", kept]);
  const lookUp = [...kasAlias, "lookup", "name_show@rtc", "--table", kept];
  const nmModules = { command: ["xargs", "-P2", "-n1", "nm", "-n"], stdin: file("modules") };
  const groups = [
    [
      { name: "`kas-alias vmlinux`, listing and table", steps: [{ command: whole }], turns: TURNS },
      { name: "`nm -n`", steps: [nm], turns: TURNS },
      { name: "`nm -n` without LLVM's plugin", steps: [plainNm], turns: TURNS },
      ...onDuplicates,
    ],
    [{ name: "`kas-alias vmlinux --data`", steps: [{ command: [...whole, "--data"] }], turns: TURNS }],
    [{ name: "`kas-alias resolve`, all text symbols", steps: [resolveAll], turns: TURNS }, ...onAll],
    [
      {
        name: "`kas-alias modules`, all modules and vmlinux",
        steps: [{ command: [...aliasModules, ...written] }],
        turns: FEW_TURNS,
      },
      { name: "`xargs -P2 -n1 nm -n`, all modules", steps: [nmModules], turns: FEW_TURNS },
    ],
    [
      {
        name: "`kas-alias lookup` in the table of all modules and vmlinux",
        steps: [{ command: lookUp }],
        turns: TURNS,
      },
    ],
  ];
  return [
    `| command | median | fastest – slowest | time ÷ ${against === undefined ? "kas-alias" : "first"} | peak memory | turns |`,
    "| --- | --: | --: | --: | --: | --: |",
    ...(await measureGroups(directory, groups)),
    "",
    `${duplicates.length} addresses with an alias, ${all.length} text symbols, ${paths.length} modules. ` +
      `${TURNS} turns of about ${TURN_SECONDS} s after a warm-up; commands with fewer turns have none. Times are means of a turn; a ratio is ` +
      "the median of the ratios of the turns.\n",
  ].join("\n");
}

/**
 * Measures each group; returns table lines. With --against, a group is each of its kas-alias commands with the one and the other bundle.
 * @param {string} directory
 * @param {Command[][]} groups
 */
async function measureGroups(directory, groups) {
  const compared =
    against === undefined ? groups : groups.flat().flatMap((command) => versions(command, against));
  const lines = [];
  for (const group of compared) lines.push(...(await measureGroup(directory, group)));
  return lines;
}

/**
 * Returns one group of a command with the other bundle and with this one, none for a command of another tool.
 * @param {Command} command
 * @param {string} bundle
 * @returns {Command[][]}
 */
function versions(command, bundle) {
  if (!command.steps.some(({ command: words }) => words.includes(BUNDLE))) return [];
  const steps = command.steps.map((step) => ({
    ...step,
    command: step.command.map((word) => (word === BUNDLE ? bundle : word)),
  }));
  return [
    [
      { name: `${command.name}, other version`, steps, turns: TURNS },
      { ...command, turns: TURNS },
    ],
  ];
}

/**
 * Measures commands and returns table lines; the first command is the reference for the ratios. The commands take turns of similar length,
 * since the speed of a shared machine varies over seconds and minutes. A ratio is the median of the ratios of the turns.
 * @param {string} directory for the measurements
 * @param {Command[]} commands
 */
async function measureGroup(directory, commands) {
  const measured = commands.map((command) => ({
    ...command,
    /** @type {number[]} */ seconds: [],
    /** @type {number[]} */ ratios: [],
    kibibytes: 0,
    repeats: 1,
  }));
  const most = Math.max(...commands.map(({ turns }) => turns));
  for (let turn = 0; turn < most; turn++) {
    say(`${commands[0]?.name} and the commands compared with it: turn ${turn + 1} of ${most} …`);
    let first = Number.NaN;
    for (const command of measured) {
      if (turn >= command.turns) continue;
      // Commands with fewer turns need no warm-up: earlier commands have filled the page cache.
      if (turn === 0 && command.turns >= TURNS) {
        const { seconds } = await measure(directory, command.steps, 1);
        command.repeats = Math.max(1, Math.round(TURN_SECONDS / seconds));
      }
      const { seconds, kibibytes } = await measure(directory, command.steps, command.repeats);
      if (Number.isNaN(first)) first = seconds;
      command.seconds.push(seconds);
      command.ratios.push(seconds / first);
      command.kibibytes = Math.max(command.kibibytes, kibibytes);
    }
  }
  return measured.map(({ name, seconds, ratios, kibibytes, turns }) => {
    const spread = `${Math.min(...seconds).toFixed(3)} – ${Math.max(...seconds).toFixed(3)} s`;
    const cells = [name, `${median(seconds).toFixed(3)} s`, spread, median(ratios).toFixed(2)];
    return `| ${[...cells, `${(kibibytes / 1024).toFixed(0)} MiB`, turns].join(" | ")} |`;
  });
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ index) => sorted[index] ?? Number.NaN;
  return (at(Math.ceil(sorted.length / 2) - 1) + at(Math.floor(sorted.length / 2))) / 2;
}

/**
 * Runs the steps one after the other. Each run writes its listings and tables as new files and discards other output.
 * @param {string} directory
 * @param {Step[]} steps
 * @param {number} repeats number of runs
 * @returns {Promise<{ seconds: number, kibibytes: number }>} the mean time of all, and the peak of the largest process
 */
async function measure(directory, steps, repeats) {
  const times = join(directory, "times.json");
  const memory = join(directory, "memory");
  rmSync(memory, { force: true });
  const script = steps.map(({ command, stdin = "/dev/null", stdout = "/dev/null", different = false }) => {
    const words = ["/usr/bin/time", "-q", "-f", "%M", "-a", "-o", memory, ...command];
    const run = `${words.map(quoted).join(" ")} < ${quoted(stdin)} > ${quoted(stdout)}`;
    return different ? `{ ${run}; test $? = 1; }` : run;
  });
  const written = ["aliased", "table", "listing", "frequency"].map((name) => quoted(join(directory, name)));
  const prepare = ["--prepare", `rm -f ${written.join(" ")}`];
  const options = [...prepare, "--style", "none", "--runs", `${repeats}`];
  // Prevents elfutils from asking a server for debug info, and Node 20 from parsing certificates at every start.
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
  const env = { ...inherited, DEBUGINFOD_URLS: "" };
  await must("hyperfine", [...options, "--export-json", times, script.join(" && ")], { env });
  const kibibytes = readFileSync(memory, "utf8").trim().split("\n").map(Number);
  const { mean } = JSON.parse(readFileSync(times, "utf8")).results[0];
  return { seconds: mean, kibibytes: Math.max(...kibibytes) };
}

/**
 * Reads the addresses in an alias table, in hex without 0x.
 * @param {string} table
 */
function tableAddresses(table) {
  const [, ...rows] = readFileSync(table, "utf8").trimEnd().split("\n");
  return rows.map((row) => String(JSON.parse(row).address).replace(/^0x/, ""));
}

/** @param {string} word for sh */
function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
