// Words that made comments, messages and docs hard to read for people whose first language is not English must not come back.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PARTS = ["src", "scripts", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
/** Generated code, and patches of which most lines are the kernel's. */
const IGNORED = /^src\/wasm\/binary\.ts$|\.patch$/;

/** Patterns of words, and the words to use instead. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/\bborne\b/i, '"with this name"'],
  [/\bbear(s|ers?|ersOf)?\b/i, '"has", "have", "namesakes"'],
  [/\bbehind\b/i, '"after"'],
  [/\bstands?\b(?! (in )?for\b)/i, '"is", "is at"'],
  // The note of `kas-alias diff` on tables of aliases only has "cannot be told".
  [
    /\b(tells?|(?<!cannot be )told)\b/i,
    '"print", "report", "explain", "show"; "distinguish" for "tell apart"',
  ],
  [/\banew\b/i, '"again"; "regenerate" a file'],
  [/\bin vain\b/i, '"without effect"'],
  [/\b(therein|thereof)\b/i, "a sentence of its own"],
  [/\bis to be had\b|\bthere is to know\b|\bone remembers\b|\bthat is done with\b/i, "a verb: who does what"],
  [/\blies\b/i, '"is"'],
  [/\banother (number|kind) of\b/i, '"a different number of", "another type of"'],
  [/["'`]is no (?!longer\b)/, '"is not a"'],
  [/\bserieses\b/i, '"series", its own plural'],
];

function filesBelow(path: string): string[] {
  if (!statSync(`${ROOT}/${path}`).isDirectory()) return [path];
  return readdirSync(`${ROOT}/${path}`).flatMap((name) => filesBelow(`${path}/${name}`));
}

test("comments, messages and docs use plain words", () => {
  const found = PARTS.flatMap(filesBelow)
    .filter((path) => !IGNORED.test(path))
    .flatMap((path) =>
      readFileSync(`${ROOT}/${path}`, "utf8")
        .split("\n")
        .flatMap((line, i) =>
          RULES.flatMap(([pattern, better]) => {
            const word = pattern.exec(line)?.[0].trim();
            return word === undefined ? [] : [`${path}:${i + 1}: "${word}"; use ${better}`];
          }),
        ),
    );
  expect(found).toEqual([]);
});
