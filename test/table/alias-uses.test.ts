import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aliasFinder, replaceUses } from "../../src/table/alias-uses.ts";

const found = (aliases: readonly string[], text: string, separator = "@") =>
  aliasFinder(aliases, separator)
    .find("script", text)
    .map(({ line, column, alias }) => `${line}:${column} ${alias}`);

describe("an alias is found", () => {
  test("in any context", () => {
    const alias = "name_show@drivers_rtc_sysfs_c_26";
    for (const [before, after] of [
      ["", ""],
      ['kprobe:"', '"'],
      ["p:probe ", "+0x10 %di"],
      ["- ", ","],
      ["$(echo ", ")"],
      ["vmlinux:", ";"],
      ["é", "é"],
    ] as const) {
      expect(found([alias], `x\r\n${before}${alias}${after}\n`)).toEqual([`2:${before.length + 1} ${alias}`]);
    }
  });

  test("as a whole, not as part of a longer one", () => {
    const aliases = ["a@x_c_1", "a@x_c_1_2", "a@x_c_1@y_c", "a.part.0@x_c_1"];
    for (const alias of aliases) expect(found(aliases, alias)).toEqual([`1:1 ${alias}`]);
    for (const other of ["ba@x_c_1", "a@x_c_11", "a@x_c_1@z_c", ".a@x_c_1", "a.isra.0@x_c_1"]) {
      expect(found(aliases, other)).toEqual([]);
    }
  });

  test("with any separator, and any characters in its stem", () => {
    for (const separator of ["@", "!", ".", "^", "]", "$", "~", "&", "|"]) {
      const alias = `<T as U>::f${separator}lib_x_rs_3${separator}lib_y_rs`;
      expect(found([alias], `probe ${alias}`, separator)).toEqual([`1:7 ${alias}`]);
    }
    expect(found(["plain"], "plain")).toEqual([]);
    expect(found(["a((b", "a[b"], "a((b", "((")).toEqual(["1:1 a((b"]);
  });

  test("each time, and replaced each time, for aliases of any length", () => {
    const [one, other] = ["f@a_c_9", "g@b_c_99"];
    const line = `${one},${other}: ${one}`;
    const uses = aliasFinder([one, other], "@").find("script", line);
    expect(uses).toHaveLength(3);
    const renamed: Record<string, string> = { [one]: other, [other]: one };
    expect(replaceUses(uses, (alias) => renamed[alias] ?? null)).toBe(`${other},${one}: ${other}`);
    expect(replaceUses(uses, (alias) => (alias === one ? "f@a_c_100" : null))).toBe(
      `f@a_c_100,${other}: f@a_c_100`,
    );
  });

  test("wherever it is separate from other text", () => {
    const word = fc.stringMatching(/^[a-z_.]{1,3}$/);
    const alias = fc.tuple(word, word).map(([stem, path]) => `${stem}@${path.replaceAll(".", "_")}_c_1`);
    fc.assert(
      fc.property(fc.array(alias, { minLength: 1 }), fc.array(fc.oneof(alias, word)), (aliases, words) => {
        const known = new Set(aliases);
        const expected = words.filter((each) => known.has(each));
        expect(
          aliasFinder(known, "@")
            .find("s", words.join(" "))
            .map((use) => use.alias),
        ).toEqual(expected);
      }),
    );
  });
});
