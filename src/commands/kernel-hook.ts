import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure, systemMessage } from "../failure.ts";
import { hasContent } from "../files/file-content.ts";
import { statusOf } from "../files/read-file.ts";
import { deleteFile, type FileOutput } from "../files/write-files.ts";
import { EDITS, type Edit, type HookPart } from "../kernel-tree/edits.ts";
import { treeFiles } from "../kernel-tree/kernel-files.ts";
import {
  BUNDLE_PATH,
  editedFiles,
  inspectKernelTree,
  isTested,
  type KernelTree,
  partState,
  TESTED_SERIES,
} from "../kernel-tree/kernel-tree.ts";
import { CLOSED_STDOUT_STATUS, NO_STATUS } from "./exit-status.ts";
import { thisProgram } from "./kernel-wrap.ts";
import { say, writeOutputs, writeTexts } from "./streams.ts";

/** `kas-alias kernel status`. */
export async function status(path: string): Promise<number> {
  const tree = inspectKernelTree(path);
  const places = tree.places.map(({ edit, state, line, problem }) => {
    const where = line === undefined ? edit.file : `${edit.file}:${line}`;
    return `place: ${where}: ${state === "misfit" ? problem : state}\n`;
  });
  const inTheWay = filesInTheWay(tree);
  const files = inTheWay.map(([file, problem]) => `place: ${file}: ${problem}\n`);
  const texts = [`version: ${tree.version}\nhook: ${describeHook(tree)}\n`, ...places, ...files];
  if (!(await writeTexts(texts))) return CLOSED_STDOUT_STATUS;
  const fits = tree.otherHook === undefined && tree.places.every(({ state }) => state !== "misfit");
  return fits && inTheWay.length === 0 ? 0 : NO_STATUS;
}

function isIn({ places }: KernelTree): boolean {
  return places.some(({ state }) => state === "in");
}

/** Files where those of the hook go, which are not of a hook: path and problem of each. */
function filesInTheWay(tree: KernelTree): [path: string, problem: string][] {
  const found = new Map<string, string>();
  for (const [name, content] of ownFiles()) {
    const folder = statusOf(join(tree.path, dirname(name)));
    const status = statusOf(join(tree.path, name));
    if (folder?.isDirectory() === false) found.set(dirname(name), "is not a directory");
    else if (status === undefined) continue;
    else if (!status.isFile()) found.set(name, "is not a file");
    else if (!isIn(tree) && !hasContent(join(tree.path, name), [content], "fails"))
      found.set(name, "is not of this hook");
  }
  return [...found];
}

function describeHook(tree: KernelTree): string {
  if (tree.otherHook !== undefined)
    return `in, but from another version of kas-alias or by hand: ${tree.otherHook}`;
  const misfits = tree.places.filter(({ state }) => state === "misfit").length;
  const fitting = `${tree.places.length - misfits} of ${tree.places.length} places fit`;
  if (partState(tree, "vmlinux") !== "in") return `not in; ${fitting}`;
  if (partState(tree, "modules") !== "in") return `in for vmlinux, not for modules; ${fitting}`;
  return `in${describeFiles(tree.path)}`;
}

/** What is wrong with the files of the hook. */
function describeFiles(path: string): string {
  for (const [name, content] of ownFiles()) {
    const file = join(path, name);
    if (!existsSync(file)) return `; ${name} is missing`;
    if (!hasContent(file, [content], "fails")) return `; ${name} is of another version`;
  }
  return "";
}

/** The files that only trees with the hook have. */
function ownFiles(): Map<string, Buffer> {
  const files = Array.from(treeFiles(), ([path, text]) => [path, Buffer.from(text)] as const);
  return new Map([...files, [BUNDLE_PATH, thisProgram()]]);
}

/** `kas-alias kernel install`. */
export async function install(path: string): Promise<boolean> {
  const tree = inspectKernelTree(path);
  if (tree.otherHook !== undefined) throw isOtherHook(path, tree.otherHook);
  const { version, places } = tree;
  const misfits = places.filter(({ state }) => state === "misfit");
  if (!isTested(version)) {
    const found = places.flatMap(({ edit, line }) => (line === undefined ? [] : [`${edit.file}:${line}`]));
    const tested = TESTED_SERIES.join(", ");
    say(
      `${path}: is Linux ${version}, and the hook is tested on ${tested}; found ${found.join(", ") || "nothing"}`,
    );
  }
  for (const { edit, problem } of misfits) say(`${join(path, edit.file)}: ${problem}`);
  const inTheWay = filesInTheWay(tree);
  for (const [file, problem] of inTheWay) say(`${join(path, file)}: ${problem}`);
  if (inTheWay.length > 0) {
    const problem = "has files where those of the hook go, and nothing was changed";
    throw new Failure("CANNOT_WRITE", path, problem, "move them away");
  }
  const parts: HookPart[] = ["vmlinux", "modules"];
  const fitting =
    partState(tree, "vmlinux") === "misfit" ? [] : parts.filter((part) => partState(tree, part) !== "misfit");
  if (fitting.length > 0) await writeTree(path, editedFiles(tree, fitting), ownFiles());
  if (misfits.length === 0) return true;
  const what = misfits.length === 1 ? "1 place does not fit" : `${misfits.length} places do not fit`;
  const done = fitting.length > 0 ? "the hook is in for vmlinux only" : "nothing was changed";
  throw new Failure(
    "OTHER_BUILD",
    path,
    `${what}, and ${done}`,
    "use `kas-alias kernel wrap`, or edit them as `kas-alias kernel explain` describes",
  );
}

/** `kas-alias kernel remove`. */
export async function remove(path: string): Promise<boolean> {
  const tree = inspectKernelTree(path);
  if (tree.otherHook !== undefined) throw isOtherHook(path, tree.otherHook);
  const others = new Map(filesInTheWay(tree));
  await writeTree(path, tree.originals, new Map());
  const names = [...ownFiles().keys(), COUNTS].filter(
    (name) => !others.has(name) && !others.has(dirname(name)),
  );
  for (const name of names) deleteFile(join(path, name));
  for (const folder of new Set(names.map((name) => dirname(name)))) {
    // scripts/ keeps the kernel's own files; a folder of the hook may have others.
    if (folder !== "scripts") removeIfEmpty(join(path, folder));
  }
  return true;
}

/** The numbers of names, which a build in the tree itself makes. */
const COUNTS = "scripts/kas-alias/modules.symbfreq";

function isOtherHook(path: string, place: string): Failure {
  const own = join(path, BUNDLE_PATH);
  const isOther = existsSync(own) && !hasContent(own, [thisProgram()], "differs");
  return new Failure(
    "OTHER_BUILD",
    join(path, place),
    "is of a hook from another version of kas-alias, or edited by hand",
    isOther
      ? `remove it first with node ${own} kernel remove ${path}`
      : "remove the line, or write it as `kas-alias kernel explain` prints it",
  );
}

/** Writes the files that change, all or none. */
async function writeTree(
  path: string,
  edited: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const contents = [
    ...Array.from(edited, ([name, text]) => [name, Buffer.from(text, "latin1")] as const),
    ...own,
  ];
  const outputs: FileOutput[] = [];
  for (const [name, content] of contents) {
    const target = join(path, name);
    if (!hasContent(target, [content], "fails")) outputs.push({ target, pieces: [content] });
  }
  try {
    for (const { target } of outputs) mkdirSync(dirname(target), { recursive: true });
  } catch (error) {
    throw new Failure(
      "CANNOT_WRITE",
      path,
      `cannot be changed: ${systemMessage(error)}`,
      "check its permissions",
    );
  }
  await writeOutputs(outputs);
}

function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

/** `kas-alias kernel explain`: what `install` changes. */
export function explain(): Promise<boolean> {
  const files = [...treeFiles().keys(), BUNDLE_PATH].map((path) => `  ${path}\n`);
  return writeTexts([
    "`kas-alias kernel install` adds these files to a kernel tree:\n\n",
    ...files,
    "\nand changes these lines. They are as in Linux 7.3; earlier kernels quote other words of them:\n",
    ...EDITS.map(explainEdit),
    "\nWhere one does not fit, make the change by hand at the place that does the same. The first three add aliases to vmlinux, the others\n",
    "to modules. Without any change of the tree: `kas-alias kernel wrap`.\n",
  ]);
}

function explainEdit({ file, purpose, anchor, from, to }: Edit): string {
  const indented = (text: string) => text.trim().replaceAll(/^(?=.)/gm, "      ");
  const after = anchor.replace(from, to);
  return `\n  ${file}: ${purpose}\n\n${indented(anchor)}\n\n    becomes\n\n${indented(after)}\n`;
}
