// What holds after every run, whatever the input.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Input } from "./inputs.ts";
import type { Ended } from "./program.ts";

/** What each output has before a run. */
export const OLD = "old content\n";
/** The paths of all outputs, and what the campaign itself puts beside them. */
const EXPECTED = ["out", "table", "copies", "seeds"];
/** Commands whose status 1 is an answer. */
const QUESTIONS = ["diff", "history", "lookup", "probe", "livepatch check", "kernel status"];

export interface Run {
  readonly input: Input;
  readonly ended: Ended;
  /** Runs the program again in the same directory. */
  readonly again: (...args: string[]) => Promise<Ended>;
}

/** Finds what is wrong after a run in the working directory. @returns a line without numbers that differ between inputs; undefined if all is well */
export async function faultOf(run: Run): Promise<string | undefined> {
  for (const check of CHECKS) {
    const fault = await check(run);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

type Check = (run: Run) => string | undefined | Promise<string | undefined>;

const content = (path: string) => (existsSync(path) ? readFileSync(path, "latin1") : OLD);
const utf8 = (bytes: string) => Buffer.from(bytes, "latin1").toString();
const isWritten = (path: string) => content(path) !== OLD;
const commandOf = ({ args: [command, more] }: Input) =>
  command === "livepatch" || command === "kernel" ? `${command} ${more}` : `${command}`;

/** The answer is yes or no: outputs are written. */
function isAnswered({ input, ended: { status } }: Run): boolean {
  if (status === 0 || input.args.includes("--keep-going")) return true;
  return status === 1 && QUESTIONS.includes(commandOf(input));
}

function status({ ended: { status } }: Run) {
  return [0, 1, 2].includes(status) ? undefined : `exit status ${status}`;
}

/** Characters that are not to be on a terminal, in UTF-8. */
const UNPRINTABLE = /(?!\t)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;
const LONGEST_LINE = 5_000;

function messages(run: Run) {
  const stderr = utf8(run.ended.stderr);
  const internal = /kas-alias: internal error: (.*?);/.exec(stderr)?.[1];
  // The program is in another directory each time.
  const [frame = ""] = /^ +at .*/m.exec(stderr) ?? [];
  if (internal !== undefined) return `internal error: ${internal} ${frame.trim().replace(/\/\S*\//, "")}`;
  if (/^kas-alias: memory: /m.test(stderr)) return "not enough memory";
  const lines = stderr.split("\n");
  if (lines.pop() !== "") return "a message without end";
  const odd = lines.find(
    (line) => !line.startsWith("kas-alias: ") || UNPRINTABLE.test(line) || line.length > LONGEST_LINE,
  );
  if (odd !== undefined) return `a message of another form: ${JSON.stringify(odd.slice(0, 200))}`;
  return isAnswered(run) || lines.length > 0 ? undefined : "a failure without a message";
}

/** Nothing that a command did not finish is there, and nothing else. */
function leftovers(run: Run) {
  const own = Object.keys(run.input.files).map((path) => path.replace(/\/.*/, ""));
  const left = readdirSync(".").filter((name) => !EXPECTED.includes(name) && !own.includes(name));
  left.push(...readdirSync(process.env.TMPDIR ?? "."));
  const [first] = left;
  if (first !== undefined) return `a file is left: ${first.replace(/[0-9].*/, "…")}`;
  const target = ["out", "table"].find(isWritten);
  return isAnswered(run) || target === undefined ? undefined : `${target} is written in spite of a failure`;
}

const lineOf = (text: string) => text.split("\n").slice(0, -1);

/** Rows of a table. @returns undefined if a line is not JSON, or the header has another number of rows */
function rowsOf(table: string): { name: string; alias: string | null }[] | undefined {
  try {
    const [header, ...rows] = lineOf(utf8(table)).map((line) => JSON.parse(line));
    return header.rows === rows.length ? rows : undefined;
  } catch {
    return undefined;
  }
}

async function table({ input, ended, again }: Run) {
  if (!input.args.includes("--table") || !isWritten("table")) return undefined;
  if (rowsOf(content("table")) === undefined) return "a table is not JSON Lines";
  const { status, stderr } = await again("history", "table", "--quiet", "-o", "/dev/null");
  if (status !== 0) return `its own table is refused: ${stderr}`;
  return ended.status === 0 || input.args.includes("--keep-going")
    ? undefined
    : "a table in spite of a failure";
}

/** The listing that a command reads, without aliases: as given, or as nm prints the seed if only its debug information has changed. */
function givenListing({ kind, seed, args, files }: Input): string | undefined {
  const option = args.indexOf("--nm");
  const path = option === -1 ? undefined : (args[option + 1] ?? "");
  if (path !== undefined)
    return (files[path === "-" ? "stdin" : path] ?? readFileSync(path)).toString("latin1");
  return kind === "dwarf" && args[1] === "vmlinux"
    ? readFileSync(join("seeds/listing", seed), "latin1")
    : undefined;
}

const LINE_END = /\r?\n/;
const LISTING_LINE = /^([0-9a-f]{1,16}| +) (\S) ([^\t]+)(\t\[.*\])?$/i;

/** Without its alias lines a listing is the given one; each alias is after its symbol, and in the table. */
function listing({ input }: Run) {
  if (input.args[0] !== "vmlinux" || !isWritten("out")) return undefined;
  const expected = givenListing(input)?.split(LINE_END);
  // The number of lines that each alias must still have: more than one with --no-disambiguate.
  const missing = new Map<string, number>();
  for (const { alias } of (isWritten("table") && rowsOf(content("table"))) || []) {
    const name = Buffer.from(alias ?? "").toString("latin1");
    if (alias !== null) missing.set(name, (missing.get(name) ?? 0) + 1);
  }
  let [next, last] = [0, ""];
  for (const line of content("out").split(LINE_END)) {
    const [, address, type, name = ""] = LISTING_LINE.exec(line) ?? [];
    const count = missing.get(name) ?? 0;
    if (expected !== undefined ? line === expected[next] : count === 0) {
      next++;
      last = line;
    } else if (count === 0) return "a line of the listing is new";
    else if (!last.startsWith(`${address} ${type} `)) return "an alias is not after its symbol";
    else missing.set(name, count - 1);
  }
  if (expected !== undefined && next !== expected.length) return "a line of the listing is lost";
  return [...missing.values()].some((count) => count > 0)
    ? "an alias of the table is not in the listing"
    : undefined;
}

/** What is not JSON, or has a line of another form. */
function outputs({ input: { args }, ended: { status, stdout } }: Run) {
  const given = (...words: string[]) => words.every((word) => args.includes(word));
  const out = utf8(isWritten("out") ? content("out") : stdout);
  if (status === 2 || out === "") return undefined;
  const isJson = given("--json") || given("--format", "json");
  if (isJson && !isJsonText(out) && !lineOf(out).every(isJsonText)) return "the output is not JSON";
  const [command, , ...addresses] = args;
  const count = addresses.length || lineOf(out).length;
  if (command === "resolve" && lineOf(out).length !== count) return "resolve has another number of lines";
  const form = FORMS.find(([words]) => given(...words))?.[1];
  const odd = form === undefined ? undefined : lineOf(out).find((line) => !form.test(line));
  return odd === undefined
    ? undefined
    : `a line of the output has another form: ${JSON.stringify(odd.slice(0, 200))}`;
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Forms of the lines of outputs, by words of the command. */
const FORMS: readonly (readonly [words: readonly string[], form: RegExp])[] = [
  [["probe", "kprobe-events"], /^p:kas\/\w+ (\S+:)?\S+\+0x[0-9a-f]+$/],
  [["probe", "address"], /^0x[0-9a-f]{8,16}$/],
  [["modules", "--vmlinux", "--symbol-frequency"], /^.+:\d+$/s],
  [["resolve"], /^.+:(\d+|\?)$/s],
  [["sympos"], /^[^\p{Cc} ]+ [^\p{Cc}]+ \d+$/u],
  [["symbols-list"], /^.+$/s],
];

/** Copies of modules can be read in place of the modules. */
async function copies({ input: { args }, again }: Run) {
  if (!args.includes("--inject") || !existsSync("copies")) return undefined;
  const written = readdirSync("copies");
  if (written.length === 0) return undefined;
  const isCopied = (arg: string) => written.includes(basename(arg));
  const same = args
    .filter((arg) => !arg.endsWith(".ko") || isCopied(arg))
    .map((arg) => (isCopied(arg) ? join("copies", basename(arg)) : arg));
  const { status, stderr } = await again(...same.map((arg) => OTHER_ARGS[arg] ?? arg));
  return status === 0 ? undefined : `its own copy is refused: ${stderr}`;
}

/** For a run on copies that writes nothing. */
const OTHER_ARGS: Readonly<Record<string, string>> = {
  table: "/dev/null",
  "--inject": "--quiet",
  "--output-dir": "--debug-directory",
};

/** A tree is as before after `remove`. `inject` reads what it has written. */
async function tree({ input: { args, files }, ended, again }: Run) {
  if (args[0] !== "kernel" || args[1] === "wrap") return undefined;
  if (args[1] === "inject") {
    // Each module is replaced as a whole, but not all at once.
    const { status, stderr } = await again(...args);
    return status === ended.status ? undefined : `its own modules are refused: ${stderr}`;
  }
  // A hook may be in for vmlinux only, with status 1.
  if (args[1] === "install") await again("kernel", "remove", "linux");
  const left = readdirSync("linux", { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  if (left.length !== Object.keys(files).length) return "a tree has other files";
  return Object.entries(files).some(([path, bytes]) => !readFileSync(path).equals(bytes))
    ? "a tree is changed"
    : undefined;
}

const CHECKS: readonly Check[] = [status, messages, leftovers, table, listing, outputs, copies, tree];
