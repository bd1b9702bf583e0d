// The library as programs use it: its examples run against dist/index.mjs, its types are checked by a program of their own.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { buildModules, MODULES } from "../commands/module-objects.ts";
import { buildNextSample } from "../commands/next-sample.ts";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { buildLivePatch } from "../livepatch/live-patch.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

beforeAll(() => {
  copyFileSync(SAMPLE, path("vmlinux"));
  buildModules(path("modules"));
  writeFileSync(path("modules/modules.order"), MODULES.map((module) => `${module}.ko\n`).join(""));
  mkdirSync(path("next"));
  for (const [image, table] of [
    [path("vmlinux"), path("vmlinux.kas.jsonl")],
    [buildNextSample(path("next")), path("next.kas.jsonl")],
  ] as const) {
    const release = table.includes("next") ? "6.12.1-sample" : "6.12.0-sample";
    const args = ["--table", table, "--table-scope", "all", "--kernel-release", release];
    expect(kasAlias(["vmlinux", image, ...args])).toMatchObject({ status: 0, stderr: "" });
  }
  writeFileSync(path("kallsyms"), tool("nm", ["-n", SAMPLE]));
  buildLivePatch(path("patch.ko"), { functions: [{ name: "name_show", position: 2 }] });
  mkdirSync(path("node_modules"));
  symlinkSync(ROOT, path("node_modules/kas-alias"));
});

let programs = 0;

/** Runs a program in the directory. @returns its output */
function run(text: string): string {
  const file = path(`program${++programs}.mjs`);
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: directory });
  expect({ status, stderr: stderr.toString() }, text).toEqual({ status: 0, stderr: "" });
  return stdout.toString();
}

describe("docs/library.md", () => {
  const page = readFileSync(join(ROOT, "docs/library.md"), "utf8");
  const blocks = [...page.matchAll(/^```js\n(.*?)^```\n\n```text\n(.*?)^```$/gms)];

  test("shows the output of each example", () => {
    expect(blocks.length).toBeGreaterThan(5);
    expect(blocks).toHaveLength([...page.matchAll(/^```js$/gm)].length);
  });

  test.each(blocks.map(([, program = "", printed = ""]) => ({ program, printed })))(
    "an example prints $printed",
    ({ program, printed }) => {
      expect(run(program)).toBe(printed);
    },
  );
});

/** The functions that src/index.ts exports, and the files that have them. */
const FUNCTIONS = [
  ...readFileSync(join(ROOT, "src/index.ts"), "utf8").matchAll(/\{([^}]*)\} from "\.\/([^"]+)"/g),
]
  .flatMap(([, names = "", file = ""]) => names.split(",").map((name) => ({ name: name.trim(), file })))
  .filter(({ name }) => /^[a-z]/.test(name) && !name.startsWith("type "));

test("the docstring of each function has an example, and all of them run", () => {
  expect(FUNCTIONS.length).toBeGreaterThan(20);
  const examples = FUNCTIONS.map(({ name, file }) => {
    const source = readFileSync(join(ROOT, "src", file), "utf8");
    const start = defined(
      new RegExp(`^export (async )?function\\*? ${name}\\b`, "m").exec(source),
      name,
    ).index;
    const docstring = source.slice(source.lastIndexOf("/**", start), start);
    const example = defined(/@example\n((?: \* .*\n)+)/.exec(docstring)?.[1], `example of ${name}`);
    expect(example).toContain(name);
    return `await (async () => {\n${example.replace(/^ \* /gm, "")}})();\n`;
  });
  const names = [...FUNCTIONS.map(({ name }) => name), "KSYM_NAME_LEN"].join(", ");
  const imports = `import { readFileSync } from "node:fs";\nimport { ${names} } from "kas-alias";\n`;
  expect(run(imports + examples.join(""))).toContain("name_show@drivers_rtc_sysfs_c_26");
});

test("TypeScript programs compile against its types; wrong uses do not", () => {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  tool(process.execPath, [tsc, "-p", join(ROOT, "tsconfig.types.json")]);
  cpSync(join(ROOT, "test/library/consumer.ts"), path("consumer.ts"));
  symlinkSync(join(ROOT, "node_modules/@types"), path("node_modules/@types"));
  writeFileSync(path("package.json"), JSON.stringify({ type: "module" }));
  const options = { module: "nodenext", target: "es2023", strict: true, types: ["node"], noEmit: true };
  writeFileSync(path("tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["consumer.ts"] }));
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", path("tsconfig.json")], {
    cwd: directory,
  });
  expect({ status, stdout: stdout.toString() }).toEqual({ status: 0, stdout: "" });
});
