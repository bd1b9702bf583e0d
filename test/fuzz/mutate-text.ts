// Changes to texts: listings, tables, scripts, lists of names.
import { HAVOC, type Mutate, weighted } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

const NUMBERS = [
  "0",
  "-0",
  "-1",
  "0.5",
  "1e308",
  "1e999",
  "255",
  "65536",
  "536870911",
  "536870912",
  "2147483648",
  "4294967295",
  "9007199254740993",
  "18446744073709551616",
  "0000000000000000",
  "ffffffffffffffff",
  "1".repeat(400),
];
const WORDS = [
  "",
  " ",
  "\t",
  "\0",
  "\r",
  "\r\n",
  "\n",
  "\n\n",
  "\x1b[2J",
  "\u009b",
  "\u202e",
  "\u2028",
  "\ufeff",
  "\ud83d\ude00",
  "null",
  "true",
  "[]",
  "{}",
  '""',
  '"\\ud800"',
  '"\\n"',
  '"\\u202e"',
  "[".repeat(20_000),
  '{"a":'.repeat(5_000),
  "\\",
  '"',
  ",",
  ":",
  "@",
  ".",
  "*",
  "%s",
  "$(id)",
  "`id`",
  "*/",
  "??/",
  "</script>",
  "-->",
  "../../x",
  "/",
  "__proto__",
  "constructor",
  "toString",
  "[m]",
  "\t[mod]",
  ".llvm.1",
  ".isra.0",
  "__pfx_x",
  "$x",
  "A".repeat(600),
  "é".repeat(300),
];
/** Not UTF-8: a byte of no character, half a character, a surrogate, an overlong slash. */
const INVALID = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]].map((bytes) =>
  Buffer.from(bytes).toString("latin1"),
);

/** Changes a text of one character per byte, so that nothing else in it changes. */
function onText(change: (text: string, random: Random, other: string) => string): Mutate {
  return (bytes, random, other) =>
    Buffer.from(change(bytes.toString("latin1"), random, other.toString("latin1")), "latin1");
}

const onLines = (change: (lines: string[], at: number, random: Random, other: string[]) => void) =>
  onText((text, random, other) => {
    const lines = text.split("\n");
    change(lines, random.below(lines.length), random, other.split("\n"));
    return lines.join("\n");
  });

const asBytes = (text: string) => Buffer.from(text).toString("latin1");

const deleteLines = onLines((lines, at, random) => lines.splice(at, 1 + random.below(3)));
const repeatLine = onLines((lines, at, random) =>
  lines.splice(random.below(lines.length), 0, ...lines.slice(at, at + 1)),
);
const swapLines = onLines((lines, at, random) => {
  const [line = ""] = lines.splice(at, 1);
  lines.splice(random.below(lines.length + 1), 0, line);
});
const takeLine = onLines((lines, at, random, other) => lines.splice(at, 0, random.pick(other)));
const joinLines = onLines((lines, at) => lines.splice(at, 2, lines.slice(at, at + 2).join("")));
const repeatOften = onLines((lines, at) => {
  const [line = ""] = lines.slice(at);
  lines.splice(at, 0, ...new Array<string>(Math.ceil((1 << 18) / (line.length + 100))).fill(line));
});

/** What is replaced: numbers, names, a JSON value, a JSON key with its value. */
const PARTS = [
  /\d+/g,
  /[0-9a-f]{8,16}/g,
  /[A-Za-z_][\w.@]*/g,
  /(?<=":)("[^"]*"|[^,}\]]+)/g,
  /"\w+":("[^"]*"|[^,}\]]+),?/g,
];

const replacePart = onText((text, random) => {
  const parts = Array.from(text.matchAll(random.pick(PARTS)));
  if (parts.length === 0) return text;
  const { index, 0: old } = random.pick(parts);
  const replacements = [
    random.pick(NUMBERS),
    random.pick(WORDS.map(asBytes)),
    random.pick(INVALID),
    old + old,
    random.pick(parts)[0],
  ];
  return text.slice(0, index) + random.pick(replacements) + text.slice(index + old.length);
});
const insertWord = onText((text, random) => {
  const at = random.below(text.length + 1);
  return (
    text.slice(0, at) + random.pick([asBytes(random.pick(WORDS)), random.pick(INVALID)]) + text.slice(at)
  );
});
const carriageReturns = onText((text) => text.replaceAll("\n", "\r\n"));
const noLastNewline = onText((text) => text.replace(/\n$/, ""));
const byteOrderMark = onText((text) => asBytes("\ufeff") + text);

/** Mutators for texts of any format. */
export const TEXT: readonly Mutate[] = [
  ...weighted(
    [3, deleteLines],
    [3, repeatLine],
    [3, swapLines],
    [2, takeLine],
    [1, joinLines],
    [16, replacePart],
    [6, insertWord],
    [1, carriageReturns],
    [1, noLastNewline],
    [1, byteOrderMark],
    [1, repeatOften],
  ),
  ...HAVOC,
];
