import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { formatSymbolFrequency, parseSymbolFrequency } from "../../src/modules/symbol-frequency.ts";
import { tool } from "../tool.ts";

const parse = (text: string) => parseSymbolFrequency(Buffer.from(text), "modules.symbfreq");

function failureOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  throw new Error("the text was taken");
}

describe("a symbol frequency file", () => {
  test("has lines of a name and a count, which follows the last colon", () => {
    expect([...parse("name_show:12\na::b:c:2\n:x:1\n")]).toEqual([
      ["name_show", 12],
      ["a::b:c", 2],
      [":x", 1],
    ]);
    expect(parse("").size).toBe(0);
    expect([...parse("a:1")]).toEqual([["a", 1]]);
  });

  test("is sorted like sort(1) in the C locale", () => {
    const name = fc.string({
      minLength: 1,
      unit: fc.constantFrom("a", "B", "_", ".", ":", "é", "\u{1f600}", " "),
    });
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1 }), (names) => {
        const text = formatSymbolFrequency(new Map(names.map((each, i) => [each, i + 1]))).toString();
        expect(text).toBe(tool("sort", [], text).toString());
        expect(
          text
            .split("\n")
            .map((line) => line.replace(/:\d+$/, ""))
            .sort(),
        ).toEqual(["", ...names].sort());
      }),
      { numRuns: 50 },
    );
  });

  test("is read back as it was written", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !/[\n\r]/.test(text));
    const entry = fc.tuple(name, fc.integer({ min: 1, max: 999_999_999 }));
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([each]) => each }), (entries) => {
        const frequency = new Map(entries);
        const read = parseSymbolFrequency(formatSymbolFrequency(frequency), "");
        expect(new Map(read)).toEqual(frequency);
      }),
    );
  });

  test.each([
    ["a:1\nname_show\n", 'line 2 is not name:count: "name_show"'],
    ["a:1\n\nb:1\n", 'line 2 is not name:count: ""'],
    ["a:0\n", 'line 1 is not name:count: "a:0"'],
    ["a:1\nb:-1\n", 'line 2 is not name:count: "b:-1"'],
    ["a:1\nb:1x\n", 'line 2 is not name:count: "b:1x"'],
    ["a:1\nb:\n", 'line 2 is not name:count: "b:"'],
    [":7\n", 'line 1 is not name:count: ":7"'],
    ["a:99999999999\n", 'line 1 is not name:count: "a:99999999999"'],
  ])("%j is refused by the number of its broken line", (text, words) => {
    expect(failureOf(text)).toBe(`modules.symbfreq: ${words}; regenerate the file`);
  });

  test("that repeats a name is refused", () => {
    expect(failureOf("a:1\nb:2\na:3\n")).toBe("modules.symbfreq: line 3 repeats a; regenerate the file");
  });
});
