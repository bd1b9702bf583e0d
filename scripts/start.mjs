// `npm start`: runs kas-alias with the given arguments; without arguments aliases the program in samples/ as a demonstration.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLE, ensureDependencies, Fault, main, run, temporaryDirectory } from "./setup.mjs";

await main(async () => {
  await ensureDependencies();
  const args = process.argv.slice(2);
  if (args.length === 0) return await demonstrate();
  // npm changes to the project's directory, but the paths are relative to the user's directory.
  const cwd = process.env.INIT_CWD ?? process.cwd();
  return (await run(process.execPath, [BUNDLE, ...args], { cwd, stdio: "inherit" })).status;
});

async function demonstrate() {
  const aliased = join(temporaryDirectory(tmpdir()), "vmlinux.aliased");
  const { status, stderr } = await run(
    process.execPath,
    [BUNDLE, "vmlinux", "samples/vmlinux", "-o", aliased, "--stats=json"],
    { stdio: ["ignore", "inherit", "pipe"] },
  );
  if (status !== 0) throw new Fault(stderr.trim());
  const lines = readFileSync(aliased, "latin1").split("\n");
  process.stdout.write("Lines of samples/vmlinux whose name is not unique, each with its alias:\n");
  for (const group of aliasesByName(lines).values()) process.stdout.write(`\n${group.join("\n")}\n`);
  process.stdout.write(`\n${summary(stderr)}\n\n`);
  process.stdout.write("Your own kernel, built with debug info:\n");
  process.stdout.write(
    "  npm start -- vmlinux path/to/vmlinux -o vmlinux.aliased --table vmlinux.kas.jsonl\n",
  );
  return 0;
}

/**
 * Groups the alias lines by name, each after the line of its symbol.
 * @param {string[]} lines
 */
function aliasesByName(lines) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  lines.forEach((alias, index) => {
    const original = lines[index - 1];
    if (original === undefined || !alias.startsWith(`${original}@`)) return;
    const name = original.slice(original.lastIndexOf(" ") + 1);
    groups.set(name, [...(groups.get(name) ?? []), original, alias]);
  });
  return groups;
}

/** @param {string} stats output of --stats=json */
function summary(stats) {
  const { symbols, duplicatedNames, aliases, excluded, unresolved, seconds } = JSON.parse(stats);
  const sum = (/** @type {Record<string, number>} */ parts) =>
    Object.values(parts).reduce((a, b) => a + b, 0);
  return (
    `${symbols} symbols, ${duplicatedNames} duplicated names, ${aliases} aliases, ` +
    `${sum(excluded)} excluded, ${unresolved} unresolved, ${sum(seconds).toFixed(3)} s`
  );
}
